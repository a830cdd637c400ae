"""A part of some work: K of N."""

import re


def part_of(text: str) -> tuple[int, int]:
    """Read ``K/N``: the number of the part, from 0, and of all parts.

    Raises:
        ValueError: it is not of that form, or there is no such part.
    """
    found = re.fullmatch(r'(\d+)/(\d+)', text)
    if found is None or int(found[1]) >= int(found[2]):
        raise ValueError(f'--shard is {text}; write 0/4 for the first of four parts')
    return int(found[1]), int(found[2])
