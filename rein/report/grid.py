"""A picture of predictions: a line for each image, a column for each row of the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmseg.apis import inference_model, init_model
from PIL import Image, ImageDraw, ImageFont

from rein.datasets.classes import CLASSES, PALETTE
from rein.datasets.transforms import read_image
from rein.hooks.checkpoint_files import read_checkpoint
from rein.hooks.pictures import paint
from rein.report.runs import Run

CELL = (256, 128)  # width and height of a picture
LEFT, TOP = 86, 20  # room for the names
FOOT = 36  # room for the classes' colours
DARK = (24, 24, 24)


@dataclass(frozen=True)
class Example:
    """An image to predict.

    Args:
        name: what to write beside it.
        image: its file.
        labels: of every pixel, (H, W) uint8, 255 for none.
        size: (width, height) to resize it to before it is predicted; None leaves it as it is.
    """

    name: str
    image: Path
    labels: np.ndarray
    size: tuple[int, int] | None = None


def predict(run: Run, examples: Sequence[Example]) -> list[np.ndarray]:
    """Class of every pixel of the examples, (H, W) uint8, by the model that a run trained."""
    config = run.load()
    model = init_model(config, device='cpu')
    # A frozen body is not in the checkpoint, and the test has compared its fingerprint.
    model.load_state_dict(read_checkpoint(run.checkpoint)['state_dict'], strict=False)
    found = []
    for example in examples:
        resize = [] if example.size is None else [dict(type='Resize', scale=example.size)]
        model.cfg.test_pipeline = [dict(type='LoadImage'), *resize, dict(type='PackInputs')]
        sample = inference_model(model, str(example.image))
        found.append(sample.pred_sem_seg.data.squeeze(0).numpy().astype(np.uint8))
    return found


def draw_grid(
    examples: Sequence[Example], columns: Sequence[tuple[str, Sequence[np.ndarray]]], path: Path
) -> None:
    """Draw image, labels and predictions of all examples.

    Args:
        examples: the lines.
        columns: title and class maps (a map for each example) of each prediction.
        path: the PNG to write.
    """
    font = ImageFont.load_default(size=12)
    width, height = CELL
    everything = [('label', [example.labels for example in examples]), *columns]
    size = ((len(everything) + 1) * width + LEFT, len(examples) * height + TOP + FOOT)
    canvas = Image.new('RGB', size, DARK)
    pen = ImageDraw.Draw(canvas)
    for number, title in enumerate(['image', *(title for title, _ in everything)]):
        pen.text((LEFT + number * width + 4, 3), title, fill='white', font=font)
    for line, example in enumerate(examples):
        top = TOP + line * height
        pen.text((3, top + height // 2 - 6), example.name, fill='white', font=font)
        image = Image.fromarray(read_image(str(example.image))[..., ::-1])
        canvas.paste(_fit(image, Image.Resampling.BILINEAR), (LEFT, top))
        for number, (_, maps) in enumerate(everything, start=1):
            colours = Image.fromarray(paint(maps[line], PALETTE))
            canvas.paste(_fit(colours, Image.Resampling.NEAREST), (LEFT + number * width, top))
    _legend(pen, font, (LEFT, size[1] - FOOT + 2), size[0])
    canvas.save(path)


def _fit(image: Image.Image, how: Image.Resampling) -> Image.Image:
    """Resize to the cell's width and cut its height out of the middle."""
    height = round(image.height * CELL[0] / image.width)
    image = image.resize((CELL[0], height), how)
    top = (height - CELL[1]) // 2
    return image.crop((0, top, CELL[0], top + CELL[1]))


def _legend(
    pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont, corner: tuple[int, int], right: int
) -> None:
    x, y = corner
    for name, colour in zip(CLASSES, PALETTE, strict=True):
        wide = 17 + round(font.getlength(name)) + 10
        if x + wide > right:
            x, y = corner[0], y + 17
        pen.rectangle((x, y + 1, x + 11, y + 12), fill=colour, outline='white')
        pen.text((x + 15, y), name, fill='white', font=font)
        x += wide
