"""What keeps results from being compared, said in words."""

from collections.abc import Callable, Sequence

from rein.report.evaluations import Result
from rein.report.rows import Row, Table

SIZES = (
    ('sizes', 'tested at different sizes'),
    ('scored_sizes', 'scored at different sizes'),
)


def uneven_domains(table: Table) -> dict[str, list[str]]:
    """Domains on which the rows of a table cannot be ranked, and why.

    Rows compare on a domain where all were tested on as many images, of the same sizes.
    """
    found: dict[str, list[str]] = {}
    for domain in table.rows[0].first.domains:
        reasons = []
        for key, words in SIZES:
            if said := _said(table.rows, lambda r, d=domain, k=key: _sizes(r, d, k)):
                reasons.append(f'{words}: {said}')
        if said := _said(table.rows, lambda r, d=domain: f'{_images(r, d)} images'):
            reasons.append(f'different images: {said}')
        if reasons:
            found[domain] = reasons
    return found


def same_means(table: Table) -> bool:
    """Whether the means of all rows are over the same domains."""
    return not _said(table.rows, lambda result: str(result.details['means']))


def warnings(tables: Sequence[Table]) -> list[str]:
    """Everything that a reader has to know before comparing numbers."""
    found = []
    for table in tables:
        reasons: dict[str, list[str]] = {}
        for domain, each in uneven_domains(table).items():
            reasons.setdefault('; '.join(each), []).append(domain)
        found += [
            f'Not to be compared on {", ".join(domains)}: {reason}. No row is marked as the best '
            'there.'
            for reason, domains in reasons.items()
        ]
        found += _settings(table)
        for row in table.rows:
            found += _within(row)
    return found + _apart(tables)


def _settings(table: Table) -> list[str]:
    """Settings that differ between the rows of a table."""
    found = []
    if not same_means(table):
        said = _said(table.rows, lambda result: ', '.join(result.details['means']['']))
        found.append(f'The means are over different domains: {said or "see the other means"}.')
    if said := _said(table.rows, lambda result: str(result.data.get('precision'))):
        found.append(f'Different precision: {said}.')
    if said := _said(table.rows, lambda result: _words(result.data.get('inference'))):
        found.append(f'Images were predicted in different ways: {said}.')
    packages = {
        name: None for row in table.rows for r in row.results for name in r.data.get('versions', {})
    }
    for name in packages:
        if said := _said(table.rows, lambda r, n=name: _version(r, n)):
            found.append(f'Different versions of {name}: {said}.')
    return found


def _within(row: Row) -> list[str]:
    """What should be the same in all results of a row and is not."""
    found = []
    seeds = [result.data.get('seed') for result in row.results]
    if len(seeds) > 1 and len(set(seeds)) < len(seeds):
        shown = ', '.join('unknown' if seed is None else str(seed) for seed in seeds)
        found.append(f'{row.name}: its checkpoints do not all have seeds of their own ({shown}).')
    for what, value in (
        ('iteration', lambda result: result.data.get('iteration')),
        ('text of the config', lambda result: result.data.get('config_digest')),
        ('frozen weights', lambda result: (result.data.get('body') or {}).get('fingerprint')),
    ):
        values = list(dict.fromkeys(map(value, row.results)))
        if len(values) > 1:
            shown = ', '.join(map(str, values))
            found.append(f'{row.name}: not the same {what} in all of its results: {shown}.')
    return found


def _apart(tables: Sequence[Table]) -> list[str]:
    """Why there is more than one table."""
    if len(tables) < 2:
        return []
    found = []
    if len({table.classes for table in tables}) > 1:
        said = '; '.join(f'{len(table.classes)} in {_names(table.rows)}' for table in tables)
        found.append(f'Different classes are scored, so the tables do not compare: {said}.')
    if len({table.rows[0].first.domains for table in tables}) > 1:
        found.append('Rows that were tested on other domains stand in a table of their own.')
    return found


def _said(rows: Sequence[Row], value: Callable[[Result], str]) -> str:
    """Each value and the rows that have it; '' where all results have the same."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        for result in row.results:
            holders = found.setdefault(value(result), [])
            if row not in holders:
                holders.append(row)
    if len(found) < 2:
        return ''
    return '; '.join(f'{text} ({_names(holders)})' for text, holders in found.items())


def _names(rows: Sequence[Row]) -> str:
    return ', '.join(row.name for row in rows)


def _sizes(result: Result, domain: str, key: str) -> str:
    """The commonest size, and how many others there are."""
    sizes = list(result.details['domains'][domain].get(key) or {'unknown': 0})
    return sizes[0] if len(sizes) == 1 else f'{sizes[0]} and {len(sizes) - 1} others'


def _images(result: Result, domain: str) -> int:
    return len(result.details['domains'][domain]['images'])


def _version(result: Result, name: str) -> str:
    return str(result.data.get('versions', {}).get(name, 'unknown'))


def _words(settings: dict | None) -> str:
    return ', '.join(f'{key} {value}' for key, value in (settings or {}).items()) or 'unknown'
