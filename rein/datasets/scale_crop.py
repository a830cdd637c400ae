"""Scaling and cropping in one step, around a point where one is given."""

import random
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image

IGNORED = 255


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
        box = (slice(top, top + self.size), slice(left, left + self.size))
        for key, filter_, fill in self._arrays(results):
            found = np.asarray(Image.fromarray(results[key]).resize(resized, filter_))
            sides = [*((b, b) for b in reversed(borders)), (0, 0)][: found.ndim]
            results[key] = np.ascontiguousarray(np.pad(found, sides, constant_values=fill)[box])
        results['img_shape'] = results['img'].shape[:2]
        return results

    def _arrays(self, results: dict) -> list[tuple[str, Image.Resampling, int]]:
        arrays = [('img', Image.Resampling.BICUBIC, 0)]
        labels = [(k, Image.Resampling.NEAREST, IGNORED) for k in results.get('seg_fields', ())]
        return arrays + labels

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
