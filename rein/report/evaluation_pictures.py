"""Pictures of a report on tests: confusion matrices, the worst images, the classes' colours."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from rein.datasets.transforms import read_image
from rein.hooks.pictures import DARK, IGNORED, ROW, draw_legend, legend_places, paint

SMALLEST, LARGEST = 240, 480  # width of a panel, pixels
GAP = 4
MIX = 0.65  # share of the class's colour over the image
WRONG = (235, 45, 45)
ASPECT = 0.02  # how far the shapes of an image and its label may differ
OTHER = 'others'


def draw_confusion(confusion: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix, each row in percent of the pixels of its label.

    Args:
        confusion: (K, K), or (K + 1, K + 1) with the classes that are not scored at the end.
        classes: names of the K classes.
        path: the PNG to write.
    """
    names = [*classes, OTHER][: len(confusion)]
    if len(names) > len(classes) and not confusion[-1].any() and not confusion[:, -1].any():
        names, confusion = list(classes), confusion[:-1, :-1]
    shares = row_percent(confusion)
    side = max(4.4, 1.9 + 0.31 * len(names))
    figure = Figure((side, side), layout='constrained')
    axes = figure.subplots()
    colours = mpl.colormaps['Blues'].with_extremes(bad='#eeeeee')
    axes.imshow(np.ma.masked_invalid(shares), cmap=colours, vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(shares):
        if value >= 0.5:
            shade = 'white' if value > 55 else 'black'
            size = 7.5 if len(names) > 8 else 10
            style = dict(ha='center', va='center', color=shade, fontsize=size)
            axes.text(column, row, f'{value:.0f}', **style)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8.5)
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    axes.set_xlabel('predicted')
    axes.set_ylabel('label')
    axes.tick_params(length=0)
    figure.savefig(path, dpi=110)


def row_percent(confusion: np.ndarray) -> np.ndarray:
    """Each row in percent of its sum; nan in the rows of classes that are not labelled."""
    totals = confusion.sum(1, keepdims=True).astype(float)
    with np.errstate(invalid='ignore'):
        return 100 * confusion / totals


def colours_of(details: Mapping) -> list[tuple[int, int, int]]:
    """A colour for each class of the data set; chosen here where the data set has none."""
    palette = [tuple(colour) for colour in details['palette']]
    if len(palette) >= len(details['data_classes']):
        return palette
    cycle = mpl.color_sequences['tab20']
    count = len(details['data_classes'])
    return [tuple(round(255 * v) for v in cycle[k % len(cycle)]) for k in range(count)]


def errors(label: np.ndarray, prediction: np.ndarray, details: Mapping) -> np.ndarray:
    """Pixels that count as wrong, (H, W) bool.

    Args:
        label: (H, W), class numbers of the data set, 255 where nothing is counted.
        prediction: likewise.
        details: of the test; classes that it merges are no errors for each other.
    """
    table = np.arange(256)
    if details['groups'] is not None:
        table[:] = len(details['groups'])
        for number, names in enumerate(details['groups'].values()):
            table[[details['data_classes'].index(name) for name in names]] = number
    return (table[label] != table[prediction]) & (label != IGNORED)


def draw_worst(entry: Mapping, home: Path, details: Mapping, path: Path) -> bool:
    """Draw image, label, prediction and errors of an image; says whether the image was there.

    Args:
        entry: of the list of worst images in a result.
        home: folder of the result's file.
        details: of the test.
        path: the JPEG to write.

    Raises:
        OSError: a class map is not there or damaged.
    """
    maps = {}
    for key, title in (('label_map', 'label'), ('prediction_map', 'prediction')):
        with Image.open(home / entry[key]) as file:
            maps[title] = np.asarray(file)
    height, width = maps['label'].shape
    image = _image(entry['image'], (width, height))
    photo = np.zeros((height, width, 3), np.uint8) if image is None else image
    mix = 1.0 if image is None else MIX
    palette = colours_of(details)
    panels = [('image', photo)]
    for title, numbers in maps.items():
        # Pixels without a class show the image, darkened.
        known = numbers[..., None] != IGNORED
        over = np.where(known, mix * paint(numbers, palette) + (1 - mix) * photo, photo * 0.35)
        panels.append((title, over.astype(np.uint8)))
    wrong = errors(maps['label'], maps['prediction'], details)
    grey = np.repeat(photo.mean(2, keepdims=True) * 0.5 + 70, 3, 2)
    counted = np.where(maps['label'][..., None] == IGNORED, grey * 0.25, grey)
    panels.append(('errors', np.where(wrong[..., None], WRONG, counted).astype(np.uint8)))
    _assemble(panels).save(path, quality=88)
    return image is not None


def _image(path: str, size: tuple[int, int]) -> np.ndarray | None:
    """The image in the size of its label; None where there is none of that shape."""
    if not Path(path).is_file():
        return None
    image = Image.fromarray(read_image(path)[..., ::-1])
    if abs(image.width * size[1] / (image.height * size[0]) - 1) > ASPECT:
        return None  # it was cropped before it was scored
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def _assemble(panels: Sequence[tuple[str, np.ndarray]]) -> Image.Image:
    """Panels in two lines of two, each with its title."""
    height, width = panels[0][1].shape[:2]
    wide = min(max(width, SMALLEST), LARGEST)
    tall = max(1, round(height * wide / width))
    canvas = Image.new('RGB', (2 * wide + GAP, 2 * (tall + ROW)), DARK)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=13)
    for number, (title, pixels) in enumerate(panels):
        x, y = number % 2 * (wide + GAP), number // 2 * (tall + ROW)
        photo = number == 0 or wide < width
        how = Image.Resampling.BILINEAR if photo else Image.Resampling.NEAREST
        canvas.paste(Image.fromarray(pixels).resize((wide, tall), how), (x, y + ROW))
        pen.text((x + 4, y + 1), title, fill='white', font=font)
    return canvas


def draw_colours(entries: Sequence[tuple[str, tuple[int, int, int]]], path: Path) -> None:
    """Draw the names of classes beside their colours, as a PNG."""
    font = ImageFont.load_default(size=13)
    rows = legend_places([name for name, _ in entries], font, 2 * LARGEST)[-1][1] + 1
    canvas = Image.new('RGB', (2 * LARGEST, rows * ROW + 2), DARK)
    draw_legend(ImageDraw.Draw(canvas), font, entries, 1)
    canvas.save(path)
