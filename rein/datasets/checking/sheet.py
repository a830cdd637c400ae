"""Contact sheets: some pairs of a data set, labels laid over images, and the classes' colours."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rein.datasets.checking.readers import Item, spread_over
from rein.datasets.checking.table import percent
from rein.datasets.checking.tally import Group
from rein.datasets.label_files import UNREADABLE
from rein.hooks.atomic import write_atomically
from rein.hooks.pictures import DARK, ROW, draw_legend, legend_places, paint

WIDTH = 300  # of a picture
GAP = 12  # between pairs; a third of it within a pair
COLUMNS = 3  # pairs side by side
ALPHA = 0.5  # of the colours over the image
NO_CLASS = (0, 0, 0)


def write_sheets(groups: Sequence[Group], folder: Path, samples: int) -> list[Path]:
    """Write ``<roles>_<domain>.png`` for each group that has images.

    Args:
        groups: of a report.
        folder: made when needed.
        samples: at most so many pairs on a sheet, evenly spread over the group.

    Returns:
        The files.
    """
    written: list[Path] = []
    for group in groups:
        if not group.items:
            continue
        domain = re.sub(r'[^\w.+-]+', '-', group.domain)
        stem = f'{"-".join(group.source.roles)}_{domain}'
        path, number = folder / f'{stem}.png', 2
        while path in written:
            path, number = folder / f'{stem}_{number}.png', number + 1
        buffer = io.BytesIO()
        draw_sheet(group, samples).save(buffer, 'PNG')
        write_atomically(path, buffer.getvalue())
        written.append(path)
    return written


def draw_sheet(group: Group, samples: int) -> Image.Image:
    """Draw image | overlay of some pairs of a group, and the legend of its classes."""
    items = [group.items[k] for k in spread_over(len(group.items), samples)]
    cells = [_panels(group, item) for item in items]
    panel = max(len(panels) for panels in cells)
    height = _height(group)
    wide, columns = panel * (WIDTH + GAP // 3) - GAP // 3, min(COLUMNS, len(items))
    rows = -(-len(items) // columns)
    total = columns * (wide + GAP) + GAP
    font, legend = ImageFont.load_default(size=13), _legend(group)
    places = legend_places([name for name, _ in legend], font, total)
    foot = ROW * (places[-1][1] + 1) + GAP if places else 0
    canvas = Image.new('RGB', (total, ROW + rows * (ROW + height + GAP) + foot + GAP), DARK)
    pen = ImageDraw.Draw(canvas)
    title = f'{group.domain} ({group.role}): {len(items)} of {len(group.items):,} images'
    pen.text((GAP, 2), f'{title}   {group.source.name}', fill='white', font=font)
    for number, (item, panels) in enumerate(zip(items, cells, strict=True)):
        row, column = divmod(number, columns)
        x, y = GAP + column * (wide + GAP), ROW + GAP + row * (ROW + height + GAP)
        pen.text((x, y), _fitting(Path(item.image).stem, font, wide), fill='silver', font=font)
        for place, picture in enumerate(panels):
            left = x + place * (WIDTH + GAP // 3)
            _put(canvas, picture, (left, y + ROW, left + WIDTH, y + ROW + height))
    draw_legend(pen, font, legend, canvas.height - foot)
    return canvas


def overlay(
    image: Image.Image, labels: np.ndarray, palette: Sequence[Sequence[int]]
) -> Image.Image:
    """Mix the colours of the classes into an image; where there is no class it darkens.

    Args:
        image: of any size.
        labels: (H, W), class numbers, of any size; stretched to the image's.
        palette: a colour for each class.
    """
    colours = Image.fromarray(paint(labels, palette))
    return Image.blend(image, colours.resize(image.size, Image.Resampling.NEAREST), ALPHA)


def _panels(group: Group, item: Item) -> list[Image.Image | str]:
    """Image and overlay of a pair at the size of the sheet, or what is to be said instead."""
    try:
        pixels = group.reader.image(item)
    except UNREADABLE:
        return ['image cannot be read', '']
    scale = min(WIDTH / pixels.shape[1], _height(group) / pixels.shape[0])
    size = tuple(max(1, round(side * scale)) for side in pixels.shape[1::-1])
    image = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1])).resize(size)
    if item.label is None:
        return [image]
    try:
        labels = group.reader.labels(item)
    except UNREADABLE:
        return [image, 'label cannot be read']
    if labels.shape != pixels.shape[:2]:
        return [image, f'label of another size: {labels.shape[1]}x{labels.shape[0]}']
    return [image, overlay(image, labels, group.source.palette)]


def _height(group: Group) -> int:
    """Of a picture: by the largest image's form, within bounds."""
    width, height = group.largest or (2, 1)
    return round(WIDTH * min(1.2, max(0.4, height / width)))


def _put(canvas: Image.Image, picture: Image.Image | str, box: tuple[int, int, int, int]) -> None:
    """Put a picture, or a line of text, in the middle of a box."""
    x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
    if isinstance(picture, str):
        pen = ImageDraw.Draw(canvas)
        pen.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=(48, 24, 24))
        font = ImageFont.load_default(size=13)
        pen.text((x, y), picture, fill='white', font=font, anchor='mm')
    else:
        canvas.paste(picture, (x - picture.width // 2, y - picture.height // 2))


def _legend(group: Group) -> list[tuple[str, tuple[int, ...]]]:
    """Name with its share and colour of each class that is there, and of no class."""
    named = zip(group.source.classes, group.shares(), group.source.palette, strict=False)
    found = [(f'{name} {percent(share)}%', colour) for name, share, colour in named if share > 0]
    if group.counts[-1]:
        found.append((f'no class {percent(group.ignored())}% of all', NO_CLASS))
    return found


def _fitting(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The end of a text that fits into a width in pixels."""
    shown = text
    while len(text) > 1 and font.getlength(shown) > width:
        text = text[1:]
        shown = f'...{text}'
    return shown
