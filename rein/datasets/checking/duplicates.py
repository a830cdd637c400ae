"""Images that are there more than once, by the content of their pixels."""

from collections.abc import Iterator, Mapping, Sequence

from rein.datasets.checking.readers import Item
from rein.datasets.checking.tally import Group, Problem

Copies = Sequence[tuple[Item, Group]]


def find_duplicates(images: Mapping[bytes, Copies]) -> Iterator[Problem]:
    """Tell of images that are trained on and tested on, and of those that are listed twice.

    Validation and test may share images. A data set that is in both roles as a whole is told of
    elsewhere.

    Args:
        images: entries by the digest of their image.
    """
    for copies in images.values():
        if len(copies) > 1:
            yield from _leaks(copies)
            yield from _repeats(copies)


def _leaks(copies: Copies) -> Iterator[Problem]:
    trained = [(item, group) for item, group in copies if 'train' in group.source.roles]
    for item, group in copies:
        others = [(t, g) for t, g in trained if g.source is not group.source]
        if not others or set(group.source.roles) == {'train'}:
            continue
        first, its_group = others[0]
        more = f' and {len(others) - 1} more' if len(others) > 1 else ''
        yield Problem(
            'leak',
            group,
            f'{first.image}{more} of {its_group.domain} (train) and {item.image} of '
            f'{group.domain} ({group.role}) are the same image',
            (first.image, item.image),
        )


def _repeats(copies: Copies) -> Iterator[Problem]:
    """One warning for the second and each later copy in the same role."""
    for place, (item, group) in enumerate(copies):
        roles = set(group.source.roles)
        before = [(i, g) for i, g in copies[:place] if roles & set(g.source.roles)]
        if before:
            first, its_group = before[0]
            yield Problem(
                'twice',
                group,
                f'{first.image} of {its_group.domain} and {item.image} of {group.domain} '
                f'({group.role}) are the same image',
                (first.image, item.image),
            )
