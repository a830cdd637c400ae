"""Published parts of data sets that are released in one piece, by name.

``splits.json`` holds them as ranges of image numbers: those of RobustNet (arXiv:2103.15597), which
BlindNet and others share, and the 24,904 frames of GTA5 that CLOUDS trains on.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from rein.datasets.driving_dataset import DrivingDataset
from rein.datasets.layout import choose

ALL = 'train'  # the default of every data set; here: all images


def split_names(source: str) -> tuple[str, ...]:
    """Names of the splits of 'GTA5' or 'Synthia'."""
    return tuple(_published()[source]['splits'])


def split_images(source: str, name: str) -> list[str]:
    """Images of a split, without folder and ending, in order.

    Args:
        source: 'GTA5' or 'Synthia'.
        name: of the split.

    Raises:
        ValueError: there is no such split.
    """
    known = _published().get(source)
    if known is None or name not in known['splits']:
        choices = [f'{s}: {", ".join(split_names(s))}' for s in _published()]
        raise ValueError(f'{source} has no split {name!r}; there are {"; ".join(choices)}')
    entry = known['splits'][name]
    if 'images' in entry:
        numbers = sorted(_numbers(entry['images']))
    else:
        other = known['splits'].get(entry['without'])
        left_out = set(_numbers(other['images'] if other else entry['without']))
        numbers = [number for number in _numbers(known['all']) if number not in left_out]
    return [f'{number:0{known["digits"]}d}' for number in numbers]


class SplitByName(DrivingDataset):
    """A data set released in one piece, whose ``split`` is a published list of its images.

    Args:
        data_root: folder of the data set.
        split: 'train' for all images, or one of ``split_names``.
        split_file: a list of one's own instead; see ``DrivingDataset``.
        **kwargs: of ``DrivingDataset``.

    Raises:
        ValueError: there is no such split, or ``split`` and ``split_file`` both choose images.
    """

    SOURCE = ''

    def __init__(
        self,
        data_root: str,
        split: str = ALL,
        split_file: str | Sequence[str] | None = None,
        **kwargs: object,
    ) -> None:
        if split not in (ALL, *split_names(self.SOURCE)):
            choices = ', '.join(repr(name) for name in (ALL, *split_names(self.SOURCE)))
            raise ValueError(
                f'{self.SOURCE}: split={split!r} is none of {choices}; {ALL!r} is all images, '
                'since the release has no parts. For a list of your own set split_file'
            )
        if split != ALL and split_file is not None:
            raise ValueError(
                f'{self.SOURCE}: split={split!r} and split_file both choose images; leave one of '
                'them out'
            )
        if split != ALL:
            split_file = split_images(self.SOURCE, split)
        super().__init__(data_root=data_root, split=split, split_file=split_file, **kwargs)

    def _chosen(self, images: dict[str, str], out: set[str]) -> dict[str, str]:
        """Images of the split; the error names it, not the list it stands for."""
        if self.split == ALL:
            return super()._chosen(images, out)
        wanted = (key for key in self.split_file if key not in out)
        return choose(images, wanted, f'split {self.split!r} of {self.SOURCE}')


@cache
def _published() -> dict[str, dict]:
    return json.loads(Path(__file__).with_suffix('.json').read_text())


def _numbers(ranges: str) -> Iterator[int]:
    """Spell out "1-3,7": 1, 2, 3, 7."""
    for part in ranges.split(','):
        first, _, last = part.partition('-')
        yield from range(int(first), int(last or first) + 1)
