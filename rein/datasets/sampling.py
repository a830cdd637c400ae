"""A stream of samples that a resumed run takes up at the very sample where it was broken off.

Each sample carries its own seed, so its random crop and colours depend on nothing but its place in
the stream: neither on the number of workers, nor on what validation drew, nor on a restart.
"""

from collections.abc import Callable, Iterator

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmseg.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import Dataset, Sampler

from rein.runtime.seeds import mixed_seed, seed_all


class StreamSampler(Sampler):
    """An endless stream that several processes share, and that is taken up again after a break.

    Args:
        dataset: a ``SeededDataset``.
        seed: of the stream; by default (None) one that the processes agree on.
    """

    def __init__(self, dataset: Dataset, seed: int | None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self._items = getattr(dataset, 'items_of_pass', None)
        self.start = 0

    def skip(self, num_samples: int) -> None:
        """Begin behind the first ``num_samples`` samples of this process.

        MMEngine calls it on resuming; the count is from the beginning of the stream.
        """
        if num_samples < 0:
            raise ValueError(f'num_samples {num_samples} is negative')
        self.start = num_samples


@DATA_SAMPLERS.register_module()
class ReplaySampler(StreamSampler):
    """An endless stream of (index, seed), the same one every time.

    The data set is gone through again and again, each pass in an order of its own that follows
    from the seed and the number of the pass. A data set that draws its samples anew for every pass
    (``items_of_pass``) is asked for them. Process ``rank`` of ``W`` takes the places ``rank``,
    ``rank + W``, ... of the stream, so that together they see every sample once in a pass.

    Args:
        dataset: a ``SeededDataset``.
        shuffle: go through the data set in random order.
        seed: of the stream; by default (None) one that the processes agree on.
    """

    def __init__(
        self,
        dataset: Dataset,
        shuffle: bool = True,  # noqa: FBT001, FBT002 - the name and place of MMEngine's samplers
        seed: int | None = None,
    ) -> None:
        if not getattr(dataset, 'takes_seeds', False):
            raise ValueError(
                f'ReplaySampler gives each sample a seed, which {type(dataset).__name__} cannot '
                "take; set train_dataloader.dataset=dict(type='SeededDataset', dataset=...)"
            )
        if len(dataset) == 0:
            raise ValueError('ReplaySampler: the data set is empty')
        super().__init__(dataset, seed)
        self.size = len(dataset)
        self.shuffle = shuffle

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Start at the place that ``skip`` gave, else at the beginning."""
        current, order = -1, np.empty(0, int)
        place = self.rank + self.start * self.world_size
        while True:
            number, offset = divmod(place, self.size)
            if number != current:
                current, order = number, self._order(number)
            yield int(order[offset]), mixed_seed(self.seed, place)
            place += self.world_size

    def __len__(self) -> int:
        """Size of the data set."""
        return self.size

    def _order(self, number: int) -> np.ndarray:
        """Order of pass ``number``; RandomState's stream is the same in every NumPy."""
        if not self.shuffle:
            return np.arange(self.size)
        if self._items is not None:
            return self._items(mixed_seed(self.seed, number, 1))
        return np.random.RandomState(mixed_seed(self.seed, number, 1)).permutation(self.size)


class AroundDataset(Dataset):
    """A data set around another one, whose images and classes are its own.

    Args:
        dataset: the other one, or its config.
        lazy: list its images when ``full_init`` asks for them.
    """

    def __init__(self, dataset: Dataset | dict, *, lazy: bool = False) -> None:
        if isinstance(dataset, dict):
            dataset = DATASETS.build({**dataset, 'lazy_init': True} if lazy else dataset)
        self.dataset = dataset

    @property
    def metainfo(self) -> dict:
        """Classes and palette of the data set."""
        return self.dataset.metainfo

    def get_data_info(self, idx: int) -> dict:
        """Paths and domain of a sample."""
        return self.dataset.get_data_info(idx)

    def __len__(self) -> int:
        return len(self.dataset)


@DATASETS.register_module()
class SeededDataset(AroundDataset):
    """Draws the random numbers of each sample from the sample's own seed.

    Args:
        dataset: the data set to fetch from, or its config.
    """

    takes_seeds = True

    def __init__(self, dataset: Dataset | dict) -> None:
        super().__init__(dataset)

    @property
    def items_of_pass(self) -> Callable[[int], np.ndarray] | None:
        """What draws the samples of a pass, if the data set does that itself."""
        return getattr(self.dataset, 'items_of_pass', None)

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Of the parts that the data set consists of, if it says so."""
        return getattr(self.dataset, 'sizes', None)

    def full_init(self) -> None:
        """List the images, if that was put off."""
        if hasattr(self.dataset, 'full_init'):
            self.dataset.full_init()

    def __getitem__(self, key: tuple[int, int] | int) -> dict:
        """Sample ``(index, seed)``; a bare index draws from the random numbers as they are."""
        if not isinstance(key, tuple):
            return self.dataset[key]
        index, seed = key
        seed_all(seed)
        return self.dataset[index]
