"""The problems of a check: the first ones of each kind as text, all of them as JSON."""

import json

from rein.datasets.checking.kinds import ERRORS, WARNINGS
from rein.datasets.checking.tally import Group, Report
from rein.datasets.classes import IGNORE


def listed(report: Report, limit: int) -> str:
    """Problems by kind, at most ``limit`` of each; '' without any."""
    lines = []
    for word, kinds in (('error', ERRORS), ('warning', WARNINGS)):
        for kind, title in kinds.items():
            found = [problem for problem in report.problems if problem.kind == kind]
            if not found:
                continue
            lines.append(f'{word}: {title}: {len(found)}')
            lines += [f'  {problem.message}' for problem in found[:limit]]
            if len(found) > limit:
                lines.append(f'  ... and {len(found) - limit} more (--limit, or --report FILE)')
    return '\n'.join(lines)


def as_json(report: Report, config: str) -> bytes:
    """The whole report; ``config`` is written into it."""
    problems = [
        dict(
            kind=problem.kind,
            level='error' if problem.is_error else 'warning',
            roles=list(problem.group.source.roles),
            domain=problem.group.domain,
            files=list(problem.files),
            message=problem.message,
        )
        for problem in report.problems
    ]
    found = dict(
        config=config,
        errors=report.errors,
        warnings=report.warnings,
        data_sets=[_group(group) for group in report.groups],
        problems=problems,
    )
    return (json.dumps(found, indent=2) + '\n').encode()


def _group(group: Group) -> dict:
    names = group.source.classes or tuple(str(k) for k in range(IGNORE))
    counts = group.counts[:IGNORE].tolist()
    return dict(
        roles=list(group.source.roles),
        domain=group.domain,
        name=group.source.name,
        images=len(group.items),
        labelled=group.labelled,
        smallest=group.smallest,
        largest=group.largest,
        errors=group.errors,
        warnings=group.warnings,
        pixels=dict(zip(names, counts[: len(names)], strict=True)),
        pixels_ignored=int(group.counts[IGNORE]),
    )
