"""Pipeline steps for papers that score at another size than the labels' own.

Predictions are brought to ``ori_shape`` before they are scored. Usually that is the size of the
files. CLOUDS and the RobustNet family resize or crop the labels with the images and score there.
Pillow resizes here, as in their code: it averages over what it shrinks, which OpenCV does not.
"""

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image

from rein.datasets.classes import IGNORE


@TRANSFORMS.register_module()
class ScoreAtThisSize(BaseTransform):
    """Make the present size of the labels the one to score at.

    To be put after the steps that resize or crop image and labels together, and so after
    ``LoadLabels``.
    """

    def __init__(self) -> None:
        """No arguments; with an ``__init__``, Python's error for an unknown key names the key."""
        super().__init__()

    def transform(self, results: dict) -> dict:
        """Set ``ori_shape`` of ``results``.

        Raises:
            ValueError: there are no labels, or they are of another size than the image.
        """
        labels = results.get('gt_seg_map')
        if labels is None:
            raise ValueError(
                f'ScoreAtThisSize: {results.get("img_path")} has no labels; put LoadLabels before '
                'it, or leave it out for images without labels'
            )
        size = results['img'].shape[:2]
        if labels.shape != size:
            raise ValueError(
                f'ScoreAtThisSize: the image {results.get("img_path")} is {size[1]}x{size[0]} now '
                f'but its labels {labels.shape[1]}x{labels.shape[0]}; put LoadLabels before the '
                'steps that resize, so that they resize both'
            )
        results['ori_shape'] = size
        return results


@TRANSFORMS.register_module()
class ShortSide(BaseTransform):
    """Resize image (bilinear) and labels (nearest) until the short side has ``size`` pixels.

    The other side keeps the ratio, rounded, however long it gets. This is how CLOUDS tests.

    Args:
        size: pixels.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = _positive('ShortSide', size)

    def transform(self, results: dict) -> dict:
        """Resize ``img`` and, where there is one, ``gt_seg_map``."""
        height, width = results['img'].shape[:2]
        scale = self.size / min(height, width)
        shape = (int(height * scale + 0.5), int(width * scale + 0.5))
        return _resize(results, shape, Image.Resampling.BILINEAR)


@TRANSFORMS.register_module()
class SquareView(BaseTransform):
    """The middle square of an image of ``size`` pixels in height, as the RobustNet family tests.

    Image (bicubic) and labels (nearest) are resized to the height ``size``, upright ones too, and
    what sticks out to the left and right is cut off: a 4:3 image loses a quarter. A narrower one
    stays in the middle between black bars whose label is 255, no class.

    The released code of RobustNet and BlindNet labels those bars 0, road, and shifts the image
    between them, so that a part of it is lost. That is not repeated here; upright images score
    otherwise.

    Args:
        size: pixels: 1024 in BlindNet, 1536 in RobustNet, WildNet and SHADE.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = _positive('SquareView', size)

    def transform(self, results: dict) -> dict:
        """Resize and crop ``img`` and, where there is one, ``gt_seg_map``."""
        height, width = results['img'].shape[:2]
        shape = (self.size, max(1, int(width / height * self.size)))
        results = _resize(results, shape, Image.Resampling.BICUBIC)
        results['img'] = self._square(results['img'], 0)
        if 'gt_seg_map' in results:
            results['gt_seg_map'] = self._square(results['gt_seg_map'], IGNORE)
        results['img_shape'] = results['img'].shape[:2]
        return results

    def _square(self, pixels: np.ndarray, fill: int) -> np.ndarray:
        """Cut off or fill up the columns of (size, W, ...) to (size, size, ...)."""
        width = pixels.shape[1]
        if width >= self.size:
            first = round((width - self.size) / 2)
            return np.ascontiguousarray(pixels[:, first : first + self.size])
        square = np.full((self.size, self.size, *pixels.shape[2:]), fill, pixels.dtype)
        first = (self.size - width) // 2
        square[:, first : first + width] = pixels
        return square


def _resize(results: dict, shape: tuple[int, int], resample: Image.Resampling) -> dict:
    """Resize ``img``, and ``gt_seg_map`` to its nearest pixels, to ``shape`` (height, width)."""
    size = (shape[1], shape[0])
    height, width = results['img'].shape[:2]
    results['img'] = np.array(Image.fromarray(results['img']).resize(size, resample))
    if 'gt_seg_map' in results:
        labels = Image.fromarray(results['gt_seg_map'])
        results['gt_seg_map'] = np.array(labels.resize(size, Image.Resampling.NEAREST))
    results['img_shape'] = shape
    results['scale_factor'] = (shape[1] / width, shape[0] / height)
    return results


def _positive(step: str, size: int) -> int:
    if not isinstance(size, int) or size < 1:
        raise ValueError(f'{step}: size={size!r} is not a positive number of pixels, such as 1024')
    return size
