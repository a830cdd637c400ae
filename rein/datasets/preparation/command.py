"""What the programs of ``data_prep`` share: arguments in, progress and a summary out."""

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tqdm import tqdm

from rein.datasets.preparation.manifest import NAME
from rein.datasets.preparation.prepare import Preparation
from rein.datasets.preparation.recipe import COPY, IN_PLACE, LINK, Plan
from rein.datasets.preparation.records import REFUSED, SKIPPED
from rein.datasets.preparation.unpack import packed_size, unpack

LISTED = 10  # so many files of a kind are printed; the manifest has all

GOOD, DEFECTS, WRONG, STOPPED = 0, 1, 2, 130


def parser(description: str) -> ArgumentParser:
    """Arguments of a program that prepares a release."""
    made = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    made.add_argument('release', type=Path, help='folder of the unpacked release')
    made.add_argument(
        '--unpack',
        type=Path,
        nargs='+',
        metavar='ZIP',
        default=[],
        help='first unpack these archives into the folder',
    )
    made.add_argument(
        '--out', type=Path, help='folder to write into; by default the release itself'
    )
    made.add_argument(
        '--images',
        choices=(LINK, COPY),
        default=LINK,
        help='with --out: link the images there (default) or copy them',
    )
    made.add_argument(
        '--dry-run',
        action='store_true',
        help='read all labels and the ends of all images, and write nothing',
    )
    made.add_argument(
        '--skip-damaged',
        action='store_true',
        help='leave out files that cannot be read or hold unknown numbers; they are listed',
    )
    made.add_argument(
        '--replace', action='store_true', help='write over what an earlier preparation left'
    )
    made.add_argument(
        '--workers', type=int, default=os.cpu_count(), help='processes, by default one a core'
    )
    return made


def main(
    arguments: ArgumentParser, plan: Callable[[Namespace], Plan], argv: Sequence[str] | None = None
) -> int:
    """Prepare a release as the arguments say.

    Args:
        arguments: from ``parser``, with what the program added.
        plan: makes a plan of the parsed arguments.
        argv: the arguments; those of the process by default.

    Returns:
        0 all is well (pairs left out as documented are well), 1 files were refused, or a part has
        no label at all, 2 a wrong argument or release, 130 interrupted.
    """
    asked = arguments.parse_args(argv)
    if asked.dry_run and asked.unpack:
        arguments.error('--dry-run looks at what is unpacked: leave --unpack out, or unpack first')
    try:
        if asked.unpack:
            _unpack(asked.unpack, asked.release)
        preparation = Preparation(
            plan(asked),
            writes=not asked.dry_run,
            replaces=asked.replace,
            defects=SKIPPED if asked.skip_damaged else REFUSED,
        )
        name = preparation.plan.recipe.name
        with bar(len(preparation), name, 'images') as shown:
            for _ in preparation.run(asked.workers):
                shown.update()
    except (ValueError, OSError) as error:
        sys.stderr.write(f'error: {error}\n')
        return WRONG
    except BrokenProcessPool:
        sys.stderr.write(
            'error: a worker was ended, by the system perhaps, for its memory: run the same '
            'command again to go on, with fewer --workers\n'
        )
        return WRONG
    except KeyboardInterrupt:
        sys.stderr.write('\nstopped; run the same command again to go on\n')
        return STOPPED
    sys.stdout.write(report(preparation))
    return GOOD if preparation.manifest['complete'] else DEFECTS


def where(asked: Namespace) -> tuple[Path, Path, str]:
    """Release, output, and what becomes of the images, as the arguments say."""
    if asked.out is None or asked.out.resolve() == asked.release.resolve():
        return asked.release, asked.release, IN_PLACE
    return asked.release, asked.out, asked.images


def bar(total: int, name: str, unit: str, **more: object) -> tqdm:
    """Progress with the time left, on standard error; a line every ten seconds in a log file."""
    calm = {} if sys.stderr.isatty() else {'mininterval': 10.0}
    form = '{desc} {percentage:3.0f}% {bar} {n_fmt}/{total_fmt} {rate_fmt} ETA {remaining}'
    return tqdm(
        total=total,
        desc=name,
        unit=f' {unit}',
        bar_format=form,
        dynamic_ncols=True,
        **calm,
        **more,
    )


def report(preparation: Preparation) -> str:
    """What came of a preparation, for people."""
    manifest, plan = preparation.manifest, preparation.plan
    lines = [_line(name, part) for name, part in manifest['parts'].items()]
    lines += [
        f'{name}: nothing is ready, so this part is not there for training or tests'
        for name, part in manifest['parts'].items()
        if not part['images']
    ]
    for kind, title in (('left_out', 'left out'), ('refused', 'refused')):
        files = manifest[kind]
        if files:
            lines.append(f'{title}: {len(files)}')
            lines += [f'  {_named(file)}' for file in files[:LISTED]]
        if len(files) > LISTED:
            lines.append(f'  ... and {len(files) - LISTED} more')
    lines.append(
        f'{plan.out / NAME} has the whole list'
        if preparation.writes
        else 'nothing was written (--dry-run)'
    )
    return '\n'.join(lines) + '\n'


def _line(name: str, part: Mapping) -> str:
    pixels = {k: n for k, n in part['pixels'].items() if k != 'no class'}
    total, everything = sum(pixels.values()), sum(part['pixels'].values())
    line = f'{name}: images {part["images"]:,}, labels {part["labels"]:,}'
    sizes = list(part['sizes'].items())
    if sizes:
        others = f', other sizes {len(sizes) - 1}' if len(sizes) > 1 else ''
        line += f'; {sizes[0][0]} ({sizes[0][1]:,}){others}'
    if total:
        rarest = min(pixels, key=pixels.__getitem__)
        line += (
            f'; classes {len(pixels)}, rarest {rarest} {100 * pixels[rarest] / total:.3f} %, '
            f'no class {100 * (1 - total / everything):.1f} %'
        )
    return line


def _named(file: Mapping[str, str]) -> str:
    """A file that is not ready, by name, and why."""
    name = file['image'] or file['label']
    return file['reason'] if name in file['reason'] else f'{name}: {file["reason"]}'


def _unpack(archives: Sequence[Path], folder: Path) -> None:
    total = packed_size(archives)
    with bar(total, 'unpack', 'B', unit_scale=True) as shown:
        for size in unpack(archives, folder):
            shown.update(size)
