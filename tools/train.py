"""Train the model of a config: python tools/train.py --help."""

import sys

from rein.cli import train

if __name__ == '__main__':
    sys.exit(train())
