"""Two views of an image: the same geometry in other colours."""

import random
from collections.abc import Sequence

import cv2
import numpy as np
import torchvision
from mmcv.transforms import BaseTransform, Compose
from mmseg.registry import TRANSFORMS
from PIL import Image


@TRANSFORMS.register_module()
class ColorJitter(BaseTransform):
    """Change brightness, contrast, saturation and hue at random, as torchvision does.

    Args:
        brightness: largest relative change b: a factor is drawn from [1 - b, 1 + b].
        contrast: the same of contrast.
        saturation: the same of saturation.
        hue: largest shift, in parts of the colour circle, at most 0.5.
        prob: of changing anything at all.
    """

    def __init__(
        self,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
        prob: float = 1.0,
    ) -> None:
        super().__init__()
        self.jitter = torchvision.transforms.ColorJitter(brightness, contrast, saturation, hue)
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Change ``img`` (H, W, 3), BGR, 8 bits."""
        if random.random() < self.prob:
            rgb = Image.fromarray(np.ascontiguousarray(results['img'][..., ::-1]))
            results['img'] = np.ascontiguousarray(np.asarray(self.jitter(rgb))[..., ::-1])
        return results


@TRANSFORMS.register_module()
class GaussianBlur(BaseTransform):
    """Blur by a Gaussian of random width, cut off at four standard deviations.

    Worked out in float64; what comes out is cut, not rounded, to 8 bits, as in the recipe of
    RobustNet.

    Args:
        sigma: least and greatest standard deviation, in pixels.

    Raises:
        ValueError: ``sigma`` is no range of numbers above 0.

    Source: Choi et al., CVPR 2021 (arXiv:2103.15597).
    """

    def __init__(self, sigma: tuple[float, float] = (0.15, 1.30)) -> None:
        super().__init__()
        least, greatest = sigma
        if not 0 < least <= greatest:
            raise ValueError(
                f'GaussianBlur.sigma is {sigma}; give two numbers, 0 < least <= greatest'
            )
        self.sigma = sigma

    def transform(self, results: dict) -> dict:
        """Blur ``img`` (H, W, 3), 8 bits."""
        results['img'] = blurred(results['img'], random.uniform(*self.sigma))
        return results


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur an image (H, W, 3) of 8 bits, each channel alone, with its border continued."""
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    found = cv2.sepFilter2D(
        image / 255.0, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_REPLICATE
    )
    return (found * 255).astype(np.uint8)


@TRANSFORMS.register_module()
class TwoViews(BaseTransform):
    """Make a second view of the image, ``restyled``, by transforms of its own.

    Everything geometric comes before it, so that both views share the labels.

    Args:
        original: transforms of ``img``.
        restyled: transforms that make ``restyled`` of the same image.
    """

    def __init__(self, original: Sequence[dict], restyled: Sequence[dict]) -> None:
        super().__init__()
        self.original = Compose(list(original))
        self.restyled = Compose(list(restyled))

    def transform(self, results: dict) -> dict:
        """Add ``restyled`` (H, W, 3).

        Raises:
            ValueError: a transform changed the size of a view.
        """
        size = results['img'].shape
        moved = self.restyled({**results, 'img': results['img'].copy()})
        results = self.original(results)
        results['restyled'] = moved['img']
        for name in ('img', 'restyled'):
            if results[name].shape != size:
                raise ValueError(
                    f'TwoViews: the image was {size} and {name} is {results[name].shape}; both '
                    'views share labels, so put resizing and cropping before TwoViews'
                )
        return results
