"""A config's data sets looked through before training: every pair decoded, counted, compared.

``walk.check`` does it; ``table``, ``report`` and ``sheet`` show what it found.
"""

from rein.datasets.checking.kinds import ERRORS, WARNINGS
from rein.datasets.checking.report import as_json, listed
from rein.datasets.checking.sheet import write_sheets
from rein.datasets.checking.table import tables
from rein.datasets.checking.tally import Group, Problem, Report
from rein.datasets.checking.walk import check

__all__ = [
    'ERRORS',
    'WARNINGS',
    'Group',
    'Problem',
    'Report',
    'as_json',
    'check',
    'listed',
    'tables',
    'write_sheets',
]
