"""Scaling and cropping in one step, around a point where one is given."""

import random
from collections.abc import Callable, Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image

IGNORED = 255
BICUBIC = Image.Resampling.BICUBIC


@TRANSFORMS.register_module()
class ScaleAndCrop(BaseTransform):
    """Resize by a random factor, pad if that is too small, and cut out a square.

    Images are resized by Pillow's bicubic filter, labels by nearest neighbours. Padding is the
    same on opposite sides, black in images and 255 in labels. A sample with a ``centroid`` (x, y),
    as ``ClassUniformDataset`` gives, is cut such that the point is inside.

    Args:
        size: of the square, in pixels.
        scale: least and greatest factor.

    Raises:
        ValueError: ``scale`` is no range of numbers above 0.

    Source: the pipeline of RobustNet, Choi et al., CVPR 2021 (arXiv:2103.15597). There the padding
    is left out of the point's place; here it is not, so a padded image is cut around it as well.
    """

    def __init__(self, size: int = 768, scale: Sequence[float] = (0.5, 2.0)) -> None:
        super().__init__()
        least, greatest = scale
        if not 0 < least <= greatest:
            raise ValueError(
                f'ScaleAndCrop.scale is {scale}; give two numbers, 0 < least <= greatest'
            )
        self.size = size
        self.scale = (least, greatest)

    def transform(self, results: dict) -> dict:
        """Change ``img`` (H, W, 3) and ``gt_seg_map`` (H, W) to ``size`` x ``size``."""
        factor = random.uniform(*self.scale)
        height, width = results['img'].shape[:2]
        resized = int(width * factor), int(height * factor)
        borders = [(self.size - s) // 2 + 1 if s < self.size else 0 for s in resized]
        point = results.pop('centroid', None)
        if point is not None:
            point = [int(p * factor) + b for p, b in zip(point, borders, strict=True)]
        left, top = self._corner([s + 2 * b for s, b in zip(resized, borders, strict=True)], point)
        left, top = left - borders[0], top - borders[1]
        columns, rows = (
            slice(max(start, 0), min(start + self.size, side))
            for start, side in zip((left, top), resized, strict=True)
        )
        inside = tuple(
            slice(part.start - start, part.stop - start)
            for part, start in ((rows, top), (columns, left))
        )
        for key, part_of, fill in self._arrays(results):
            array = results[key]
            found = np.full((self.size, self.size, *array.shape[2:]), fill, array.dtype)
            found[inside] = part_of(array, resized, rows, columns)
            results[key] = found
        results['img_shape'] = results['img'].shape[:2]
        return results

    def _arrays(self, results: dict) -> list[tuple[str, Callable, int]]:
        labels = [(key, nearest_part, IGNORED) for key in results.get('seg_fields', ())]
        return [('img', bicubic_part, 0), *labels]

    def _corner(self, sides: Sequence[int], point: Sequence[int] | None) -> list[int]:
        """Left and upper border of the square in an image of ``sides``, around ``point``."""
        if all(side == self.size for side in sides):
            return [0, 0]
        corner = []
        for i, side in enumerate(sides):
            room = side - self.size
            if point is None:
                corner.append(random.randint(0, room))
            else:
                drawn = random.randint(point[i] - self.size, point[i])
                corner.append(min(room, max(0, drawn, point[i] - self.size + 1)))
        return corner


def nearest_part(
    labels: np.ndarray, size: tuple[int, int], rows: slice, columns: slice
) -> np.ndarray:
    """Part of labels (H, W) that were resized to ``size`` (width, height) by nearest neighbours."""
    resized = Image.fromarray(labels).resize(size, Image.Resampling.NEAREST)
    return np.asarray(resized)[rows, columns]


def bicubic_part(
    image: np.ndarray, size: tuple[int, int], rows: slice, columns: slice
) -> np.ndarray:
    """Part of an image that was resized by Pillow's bicubic filter, without resizing the rest.

    Pillow resizes rows first and then columns, each on its own; so only the rows that the part
    stems from need the first, and only the columns that it consists of need the second.

    Args:
        image: (H, W, 3), uint8.
        size: (width, height) of the whole resized image.
        rows: of the part, in the resized image; both ends given.
        columns: likewise.

    Returns:
        (rows, columns, 3), uint8: to the bit what cutting the resized image gives.
    """
    height = len(image)
    factor = height / size[1]
    reach = int(np.ceil(2 * max(factor, 1))) + 1  # two pixels of the coarser image, and rounding
    first = max(int(rows.start * factor) - reach, 0)
    last = min(int(np.ceil(rows.stop * factor)) + reach, height)
    wide = Image.fromarray(image[first:last]).resize((size[0], last - first), BICUBIC)
    narrow = np.zeros((height, columns.stop - columns.start, 3), np.uint8)
    narrow[first:last] = np.asarray(wide)[:, columns]
    return np.asarray(Image.fromarray(narrow).resize((narrow.shape[1], size[1]), BICUBIC))[rows]
