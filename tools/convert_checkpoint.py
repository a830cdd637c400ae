"""Import, export and show checkpoint files: python tools/convert_checkpoint.py --help."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from rein.checkpoints.conversion import (
    convert_clouds,
    convert_network,
    convert_release,
    convert_uda,
    export,
)
from rein.checkpoints.summary import summarize
from rein.runtime.failures import Guard


def parser() -> ArgumentParser:
    """Describe the command line."""
    main = ArgumentParser(description='Import, export and show checkpoint files.')
    main.add_argument('--debug', action='store_true', help='show where an error comes from')
    commands = main.add_subparsers(dest='command', required=True)

    release = commands.add_parser('rein', help='a Rein release -> a checkpoint for tools/test.py')
    release.add_argument('config', help='the config that the release was trained by')
    release.add_argument('--backbone', required=True, help='the body, original or converted')
    release.add_argument('--rein-and-head', required=True, help='the adapter and the head')
    release.add_argument('--out', required=True, help='the checkpoint to write (.pth)')

    network = commands.add_parser(
        'blindnet', help='a BlindNet or RobustNet release -> a checkpoint for tools/test.py'
    )
    network.add_argument('config', help='a config of the same network')
    network.add_argument('checkpoint', help='the release')
    network.add_argument('--out', required=True, help='the checkpoint to write (.pth)')

    clouds = commands.add_parser(
        'clouds', help='a CLOUDS release -> a checkpoint for tools/test.py'
    )
    clouds.add_argument('config', help='a config of the same network, of either stage')
    clouds.add_argument('checkpoint', help='the release')
    clouds.add_argument('--out', required=True, help='the checkpoint to write (.pth)')

    adapted = commands.add_parser(
        'uda', help='a release of DAFormer, HRDA, MIC or DATUM -> a checkpoint for tools/test.py'
    )
    adapted.add_argument('config', help='a config of the same network')
    adapted.add_argument('checkpoint', help='the release')
    adapted.add_argument('--out', required=True, help='the checkpoint to write (.pth)')

    handed_on = commands.add_parser('export', help='a checkpoint -> a file to hand on')
    handed_on.add_argument('checkpoint')
    handed_on.add_argument('out', help='.safetensors, or .pth for tools/test.py')
    handed_on.add_argument('--adapter-only', action='store_true', help='leave the body out')
    handed_on.add_argument('--config', help='fill the body in from the weights of this config')

    shown = commands.add_parser('show', help='print what is in a file')
    shown.add_argument('file')
    return main


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    args = parser().parse_args(argv)
    with Guard(debug=args.debug) as guard:
        if args.command == 'rein':
            said = convert_release(args.config, args.backbone, args.rein_and_head, args.out)
        elif args.command == 'blindnet':
            said = convert_network(args.config, args.checkpoint, args.out)
        elif args.command == 'clouds':
            said = convert_clouds(args.config, args.checkpoint, args.out)
        elif args.command == 'uda':
            said = convert_uda(args.config, args.checkpoint, args.out)
        elif args.command == 'export':
            said = export(args.checkpoint, args.out, args.config, adapter_only=args.adapter_only)
        else:
            said = summarize(args.file)
        sys.stdout.write(f'{said}\n')
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
