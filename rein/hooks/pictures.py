"""Pictures of what a model predicts, beside the image and the label."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from PIL import Image, ImageDraw, ImageFont

from rein.datasets.transforms import read_image

IGNORED = 255
SAME_SHAPE = 0.02  # widths in proportion may differ by this much
ROW = 18  # height of a line of text, pixels
DARK = (24, 24, 24)


@HOOKS.register_module()
class PicturesHook(Hook):
    """Write ``<out_dir>/<domain>/<image name>.jpg`` for each tested image.

    Image, label (where there is one) and prediction stand side by side, the classes with their
    colours below. The label's ignored pixels are black in it.

    Args:
        out_dir: folder for the pictures, made when needed.
        limit: at most so many pictures of each domain; None for all.
        width: of one of the panels, pixels; smaller images keep their size.
    """

    def __init__(self, out_dir: str, limit: int | None = None, width: int = 800) -> None:
        self.out_dir = Path(out_dir)
        self.limit = limit
        self.width = width
        self._count: Counter[str] = Counter()
        self._names: set[Path] = set()

    def before_test_epoch(self, runner: Runner) -> None:
        """Start anew."""
        self._count.clear()
        self._names.clear()

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw the samples of a batch."""
        meta = runner.test_evaluator.dataset_meta
        for sample in outputs or ():
            domain = str(sample.metainfo.get('domain', ''))
            if self.limit is not None and self._count[domain] >= self.limit:
                continue
            self._count[domain] += 1
            source = Path(sample.metainfo['img_path'])
            picture = draw_sample(sample, source, meta['classes'], meta['palette'], self.width)
            path = self._path(domain, source)
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, quality=92)

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Say where the pictures are."""
        runner.logger.info(f'{sum(self._count.values())} pictures in {self.out_dir}')

    def _path(self, domain: str, source: Path) -> Path:
        """Name a picture after its image, and after its folders too where that is taken."""
        folder, name = self.out_dir / domain, source.stem
        for parent in source.parents:
            path = folder / f'{name}.jpg'
            if path not in self._names:
                break
            name = f'{parent.name}_{name}'
        self._names.add(path)
        return path


def draw_sample(
    sample: SegDataSample,
    source: Path,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    width: int,
) -> Image.Image:
    """Draw image | label | prediction of one sample and the legend of the classes in them.

    An image of another shape than its labels, which were cut before they were scored, is left out.
    """
    prediction = sample.pred_sem_seg.data.squeeze(0).cpu().numpy()
    maps = {}
    if 'gt_sem_seg' in sample:
        maps['label'] = sample.gt_sem_seg.data.squeeze(0).cpu().numpy()
    maps['prediction'] = prediction
    image = Image.fromarray(np.ascontiguousarray(read_image(str(source))[..., ::-1]))
    height, image_width = prediction.shape
    size = fitted_size(image_width, height, width)
    panels = []
    if abs(image.width * height / (image.height * image_width) - 1) < SAME_SHAPE:
        panels.append(('image', image.resize(size, Image.Resampling.BILINEAR)))
    for title, labels in maps.items():
        colours = Image.fromarray(paint(labels, palette))
        panels.append((title, colours.resize(size, Image.Resampling.NEAREST)))
    present = sorted({int(v) for labels in maps.values() for v in np.unique(labels)} - {IGNORED})
    return assemble(panels, [(classes[k], tuple(palette[k])) for k in present if k < len(classes)])


def fitted_size(width: int, height: int, most: int) -> tuple[int, int]:
    """Width and height in the same proportion, no wider than ``most``; smaller ones stay."""
    scale = min(1.0, most / width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def paint(labels: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Colour class numbers (H, W): (H, W, 3), uint8; black where no class has the number."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = np.asarray(palette, np.uint8)
    return table[np.clip(labels, 0, 255)]


def assemble(
    panels: list[tuple[str, Image.Image]], legend: list[tuple[str, tuple[int, ...]]]
) -> Image.Image:
    """Put panels in a row, their titles above and the legend below."""
    font = ImageFont.load_default(size=13)
    width, height = panels[0][1].size
    total = width * len(panels) + 4 * (len(panels) - 1)
    places = legend_places([name for name, _ in legend], font, total)
    rows = places[-1][1] + 1 if places else 0
    canvas = Image.new('RGB', (total, height + ROW * (rows + 1) + 4), DARK)
    draw = ImageDraw.Draw(canvas)
    for number, (title, panel) in enumerate(panels):
        canvas.paste(panel, (number * (width + 4), ROW))
        draw.text((number * (width + 4) + 4, 1), title, fill='white', font=font)
    draw_legend(draw, font, legend, ROW + height + 4)
    return canvas


def draw_legend(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont,
    legend: Sequence[tuple[str, tuple[int, ...]]],
    top: int,
) -> None:
    """Draw names beside squares of their colours, in rows over the width of the picture.

    Args:
        pen: of the picture.
        font: of the names.
        legend: name and colour of each entry.
        top: where the first of the rows begins, each of ``ROW`` pixels.
    """
    places = legend_places([name for name, _ in legend], font, pen.im.size[0])
    for (name, colour), (x, row) in zip(legend, places, strict=True):
        y = top + row * ROW
        pen.rectangle((x, y + 2, x + 12, y + 14), fill=colour, outline='white')
        pen.text((x + 17, y), name, fill='white', font=font)


def legend_places(
    names: Sequence[str], font: ImageFont.FreeTypeFont, total: int
) -> list[tuple[int, int]]:
    """Left edge (pixels) and row of each entry, broken into rows of at most ``total`` pixels."""
    places, x, row = [], 4, 0
    for name in names:
        wide = 17 + round(font.getlength(name)) + 14
        if x > 4 and x + wide > total:
            x, row = 4, row + 1
        places.append((x, row))
        x += wide
    return places
