"""Test a checkpoint on the test sets of a config: python tools/test.py --help."""

import sys

from rein.cli import test

if __name__ == '__main__':
    sys.exit(test())
