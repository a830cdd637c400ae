"""A page to look through a generated set: thumbnails by prompt, numbers, settings."""

import tempfile
from collections import Counter
from pathlib import Path

from PIL import Image

from rein.generation.manifest import Made, Manifest, read_manifest
from rein.generation.prompts import Prompt, balance
from rein.report.blocks import Block, Cell, Grid, Heading, Picture, Pictures, Words
from rein.report.page import write_html

NAME = 'index.html'
WIDTH = 176  # of a thumbnail, pixels
QUALITY = 80


def write_sheet(folder: str | Path, per_prompt: int | None = None) -> Path:
    """Write ``index.html`` beside the manifest of a set; it holds its pictures, small.

    Args:
        folder: of the set.
        per_prompt: at most so many images of each prompt; None shows all.

    Returns:
        The page.

    Raises:
        FileNotFoundError: the set is not finished, or an image is missing.
        ValueError: its manifest is damaged.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    by_prompt: dict[str, list[Made]] = {}
    for line in manifest.lines:
        by_prompt.setdefault(line.prompt, []).append(line)
    blocks: list[Block] = [*_summary(manifest, by_prompt), Heading('Images')]
    with tempfile.TemporaryDirectory() as place:
        for prompt, lines in by_prompt.items():
            images = [line for line in lines if line.file]
            shown = images[:per_prompt]
            count = f'{len(shown)} of {len(images)}' if len(shown) < len(images) else len(images)
            blocks.append(Heading(prompt, level=3))
            blocks.append(
                Words(f'{count} images; classes: {", ".join(lines[0].classes) or "none"}')
            )
            pictures = [Picture(_thumbnail(folder, x, Path(place)), _caption(x)) for x in shown]
            blocks.append(Pictures(pictures, kind='thumbnails'))
        blocks += _details(manifest)
        path = folder / NAME
        write_html(path, f'Generated images: {folder.resolve().name}', blocks)
    return path


def _summary(manifest: Manifest, by_prompt: dict[str, list[Made]]) -> list[Block]:
    images, first = manifest.images, manifest.lines[0]
    redrawn = sum(line.redraws for line in manifest.lines)
    words = f'{len(images):,} images of {len(by_prompt):,} prompts by {first.model}.'
    blocks: list[Block] = [Words(words)]
    refused = [line for line in manifest.lines if not line.file]
    if refused:
        names = Counter(line.prompt for line in refused)
        listed = '; '.join(f'{count} of "{prompt}"' for prompt, count in names.items())
        blocks.append(Words(f'No image could be made for {listed}.', kind='warning'))
    if redrawn:
        blocks.append(Words(f'{redrawn} images were thrown away and drawn anew.', kind='warning'))
    return blocks


def _details(manifest: Manifest) -> list[Block]:
    """Classes that the prompts name, and settings."""
    counts = balance(Prompt(line.prompt, line.classes) for line in manifest.images)
    most = max([*counts.values(), 1])
    rows = [[Cell(k), Cell(str(n), share=n / most)] for k, n in counts.items() if n]
    blocks: list[Block] = []
    if rows:
        blocks += [Heading('Classes'), Grid(['class', 'images whose prompt names it'], rows)]
    shown = {**manifest.settings, **manifest.made_with}
    table = [[Cell(key), Cell(_shown(value))] for key, value in shown.items()]
    return [*blocks, Heading('Settings'), Grid(['setting', 'value'], table, kind='words')]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ', '.join(f'{key} {_shown(each)}' for key, each in value.items())
    return 'as the model does' if value is None else str(value)


def _thumbnail(folder: Path, line: Made, place: Path) -> Path:
    path = folder / line.file
    if not path.is_file():
        raise FileNotFoundError(f'{path} is in the manifest and not there; copy the set again')
    small = place / f'{line.number}.jpg'
    with Image.open(path) as image:
        image.thumbnail((WIDTH, 4 * WIDTH))
        image.convert('RGB').save(small, quality=QUALITY)
    return small


def _caption(line: Made) -> str:
    redraws = f', drawn {line.redraws + 1} times' if line.redraws else ''
    return f'{line.number}: seed {line.seed}{redraws}'
