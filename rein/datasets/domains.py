"""Labelled and unlabelled images in one data set, and samplers that say how many of each.

Both samplers give each sample a seed of its own, as ``ReplaySampler`` does, so that a resumed run
takes their stream up where it was broken off.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from mmseg.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import Dataset

from rein.datasets.sampling import StreamSampler
from rein.datasets.views import TwoViews
from rein.runtime.seeds import mixed_seed


@DATASETS.register_module()
class SourceAndTarget(Dataset):
    """A labelled data set, and behind it one without labels.

    Images may have a second view (``TwoViews``), which the student sees. Where either data set
    makes one, samples of the other get their only view as the second one, since the samples of a
    batch must be alike.

    Args:
        source: the labelled data set or its config.
        target: the one without labels or its config. If it loads labels, made by a model before
            (``PseudoLabelled``), they are learnt from like any others.
        lazy_init: list the images when they are first needed.

    Attributes:
        sizes: number of samples of either.
    """

    def __init__(
        self,
        source: Dataset | dict,
        target: Dataset | dict,
        lazy_init: bool = False,  # noqa: FBT001, FBT002 - the name of MMEngine's data sets
    ) -> None:
        self.parts = [
            DATASETS.build(part) if isinstance(part, dict) else part for part in (source, target)
        ]
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """List the images of both.

        Raises:
            ValueError: one of them has no images.
        """
        for part in self.parts:
            if hasattr(part, 'full_init'):
                part.full_init()
        self.sizes = tuple(len(part) for part in self.parts)
        self._views = any(_makes_views(part) for part in self.parts)
        if not all(self.sizes):
            raise ValueError(f'SourceAndTarget has {self.sizes} images; both must have some')

    @property
    def metainfo(self) -> dict:
        """Classes and palette of the labelled data set."""
        return self.parts[0].metainfo

    @property
    def items_of_pass(self) -> Callable[[int], np.ndarray] | None:
        """What draws the samples of a pass through the labelled data set, if it does itself."""
        return getattr(self.parts[0], 'items_of_pass', None)

    def _place(self, idx: int) -> tuple[Dataset, int]:
        """The part that sample ``idx`` is in, and its number there."""
        behind = idx - self.sizes[0]
        return (self.parts[0], idx) if behind < 0 else (self.parts[1], behind)

    def get_data_info(self, idx: int) -> dict:
        """Paths and domain of a sample."""
        part, number = self._place(idx)
        return part.get_data_info(number)

    def __len__(self) -> int:
        return sum(self.sizes)

    def __getitem__(self, idx: int) -> dict:
        """Sample of the labelled data set, or behind its last one of the other."""
        part, number = self._place(idx)
        sample = part[number]
        if self._views:
            sample.setdefault('restyled', sample['inputs'])
        return sample


def _makes_views(dataset: Dataset) -> bool:
    """Whether a step of the pipeline, or of a data set inside, makes second views."""
    inner = [*getattr(dataset, 'datasets', ()), getattr(dataset, 'dataset', None)]
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    return any(isinstance(step, TwoViews) for step in steps) or any(
        _makes_views(each) for each in inner if each is not None
    )


class _DomainSampler(StreamSampler):
    """What both samplers share: they draw from the two parts of a data set."""

    def __init__(self, dataset: Dataset, seed: int | None) -> None:
        if getattr(dataset, 'sizes', None) is None or not getattr(dataset, 'takes_seeds', False):
            raise ValueError(
                f'{type(self).__name__} draws from labelled and unlabelled images, which '
                f'{type(dataset).__name__} does not tell apart; set train_dataloader.dataset='
                "dict(type='SeededDataset', dataset=dict(type='SourceAndTarget', source=..., "
                'target=...))'
            )
        super().__init__(dataset, seed)
        self.sizes = dataset.sizes

    def __len__(self) -> int:
        """Size of both parts together."""
        return sum(self.sizes)


@DATA_SAMPLERS.register_module()
class FixedRatioSampler(_DomainSampler):
    """An endless stream of so many labelled images, then so many others, over and over.

    Either kind is gone through again and again, each pass in an order of its own. Batches whose
    size is a multiple of ``sum(ratio)`` have exactly that ratio, on every process.

    Args:
        dataset: a ``SeededDataset`` of a ``SourceAndTarget``.
        ratio: number of labelled images, number of others, each 1 or more.
        seed: of the stream; by default (None) one that the processes agree on.

    Raises:
        ValueError: the data set is another, or the ratio impossible.
    """

    def __init__(
        self, dataset: Dataset, ratio: Sequence[int] = (1, 1), seed: int | None = None
    ) -> None:
        super().__init__(dataset, seed)
        if len(ratio) != 2 or min(ratio) < 1:
            raise ValueError(
                f'FixedRatioSampler.ratio is {ratio}; give two numbers of images, 1 or more'
            )
        self.ratio = tuple(ratio)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Start at the place that ``skip`` gave, else at the beginning."""
        orders: list[tuple[int, np.ndarray]] = [(-1, np.empty(0, int))] * 2
        number = self.start
        while True:
            cycle, offset = divmod(number, sum(self.ratio))
            kind = int(offset >= self.ratio[0])
            mine = cycle * self.ratio[kind] + offset - kind * self.ratio[0]
            place = mine * self.world_size + self.rank
            current, position = divmod(place, self.sizes[kind])
            if orders[kind][0] != current:
                orders[kind] = current, self._order(kind, current)
            index = int(orders[kind][1][position]) + kind * self.sizes[0]
            yield index, mixed_seed(self.seed, kind, place)
            number += 1

    def _order(self, kind: int, number: int) -> np.ndarray:
        seed = mixed_seed(self.seed, kind, number, 1)
        if kind == 0 and self._items is not None:
            return self._items(seed)
        return np.random.RandomState(seed).permutation(self.sizes[kind])


@DATA_SAMPLERS.register_module()
class RepeatFactorSampler(_DomainSampler):
    """An endless stream in which images of either kind come as often as a factor says, at random.

    In every pass an image is there floor(f) times, and once more with the probability of what is
    left of f; then all are shuffled together. So batches differ in how many they have of which.
    The order is that of Detectron2's samplers for the same seed.

    Args:
        dataset: a ``SeededDataset`` of a ``SourceAndTarget``.
        factors: of labelled images and of others. CLOUDS has 1 and, with 5,000 others, 2 (GTA5),
            0.7 (SYNTHIA), 0.2 (Cityscapes).
        seed: of the stream; by default (None) one that the processes agree on.

    Raises:
        ValueError: the data set is another, or the factors impossible.

    Source: Benigmim et al., CVPR 2024 (arXiv:2312.09788), and the authors' code.
    """

    mixes_at_random = True

    def __init__(
        self, dataset: Dataset, factors: Sequence[float] = (1.0, 1.0), seed: int | None = None
    ) -> None:
        super().__init__(dataset, seed)
        if len(factors) != 2 or min(factors) < 0 or max(factors) < 1:
            raise ValueError(
                f'RepeatFactorSampler.factors is {factors}; give two numbers, 0 or more, and one '
                'of them 1 or more'
            )
        self.factors = torch.repeat_interleave(torch.tensor(factors), torch.tensor(self.sizes))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Start at the place that ``skip`` gave, else at the beginning."""
        place = self.rank + self.start * self.world_size
        begin = 0
        for order in self._passes():
            while place < begin + len(order):
                yield int(order[place - begin]), mixed_seed(self.seed, place)
                place += self.world_size
            begin += len(order)

    def _passes(self) -> Iterator[torch.Tensor]:
        source = torch.Generator()
        source.manual_seed(self.seed)
        whole = self.factors.floor()
        numbers = torch.arange(len(self.factors))
        while True:
            drawn = torch.rand(len(whole), generator=source)
            times = whole + (drawn < self.factors - whole).float()
            items = numbers.repeat_interleave(times.long())
            yield items[torch.randperm(len(items), generator=source)]
