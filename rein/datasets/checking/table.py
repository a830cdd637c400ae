"""The tables of a check: a line for each data set and domain, and the share of each class."""

from collections.abc import Sequence

from prettytable import PrettyTable

from rein.datasets.checking.tally import Group, Report

NAMED = 3  # so many absent classes are named; of more, the number is given


def tables(report: Report) -> str:
    """All tables of a report, as text."""
    parts = [str(_overview(report.groups))]
    for groups in _by_classes(report.groups):
        parts.append(f'percent of the pixels that have a class:\n{_histogram(groups)}')
    return '\n\n'.join(parts)


def rarest(group: Group) -> int | None:
    """Number of the class with the fewest pixels above 0; None without classes."""
    shares = group.shares()[: len(group.source.classes)]
    present = [k for k, share in enumerate(shares) if share > 0]
    return min(present, key=lambda k: shares[k], default=None)


def absent(group: Group) -> list[str]:
    """Classes that no label has."""
    shares = group.shares()
    return [name for k, name in enumerate(group.source.classes) if shares[k] == 0]


def percent(value: float) -> str:
    """Two digits, never 0.00 for what is there; '-' for nothing at all."""
    if value == 0:
        return '-'
    return '<0.01' if value < 0.01 else f'{value:.2f}'


def _overview(groups: Sequence[Group]) -> PrettyTable:
    names = (
        'role',
        'domain',
        'images',
        'labelled',
        'size',
        'errors',
        'warnings',
        'ignored %',
        'rarest class, %',
        'absent classes',
        'data set',
    )
    table = PrettyTable(names, align='r')
    for name in ('role', 'domain', 'data set', 'rarest class, %', 'absent classes'):
        table.align[name] = 'l'
    for group in groups:
        table.add_row(_row(group))
    return table


def _row(group: Group) -> list[str]:
    start, name = [group.role, group.domain], group.source.name
    if group.reader is None:
        return [*start, *'---', group.errors, group.warnings, *'---', name]
    listed, whole = len(group.items), len(group.source.dataset)
    drawn = f' of {whole:,}' if group.reader.SOME and listed < whole else ''
    numbers = [f'{listed:,}{drawn}', f'{group.labelled:,}', _sizes(group)]
    numbers += [group.errors, group.warnings]
    if not group.labelled:
        return [*start, *numbers, *'---', name]
    lacking, rare = absent(group), rarest(group)
    few = '-' if rare is None else f'{group.source.classes[rare]} {percent(group.shares()[rare])}'
    gone = ', '.join(lacking) or '-'
    if len(lacking) > NAMED:
        gone = f'{len(lacking)} of {len(group.source.classes)}'
    return [*start, *numbers, percent(group.ignored()), few, gone, name]


def _sizes(group: Group) -> str:
    """The one size, or the smallest and the largest."""
    sizes = [f'{s[0]}x{s[1]}' for s in (group.smallest, group.largest) if s is not None]
    return '..'.join(dict.fromkeys(sizes)) or '-'


def _by_classes(groups: Sequence[Group]) -> list[list[Group]]:
    """Groups of the same classes together; those without labels are left out."""
    found: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        if group.labelled and group.source.classes:
            found.setdefault(group.source.classes, []).append(group)
    return list(found.values())


def _histogram(groups: Sequence[Group]) -> PrettyTable:
    table = PrettyTable(header=False, align='r')
    table.add_row(['class', *(group.domain for group in groups)])
    table.add_row(['', *(group.role for group in groups)], divider=True)
    table.align['Field 1'] = 'l'
    shares = [group.shares() for group in groups]
    for k, name in enumerate(groups[0].source.classes):
        table.add_row([name, *(percent(share[k]) for share in shares)])
    return table
