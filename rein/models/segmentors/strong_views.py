"""Strong changes of colour and sharpness, on images that are on the device already.

They come behind the mixing of images, which a pipeline that sees one image cannot do.
"""

import math
import random
from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


@MODELS.register_module()
class JitterAndBlur:
    """Changes colours and blurs, each for the whole batch or not at all.

    Args:
        strength: of each change of colour; brightness, contrast and saturation are drawn from
            [1 - s, 1 + s], the hue from [-s, s] of the circle, for each image.
        jitter: probability of changing colours.
        blur: probability of blurring, by a standard deviation of 0.15 to 1.15 pixels.

    Raises:
        ValueError: a number is outside [0, 1], or the strength above 0.5.

    Source: Tranheden et al., WACV 2021 (arXiv:2007.08702), as in the code of DAFormer.
    """

    def __init__(self, strength: float = 0.2, jitter: float = 0.8, blur: float = 0.5) -> None:
        if not (0 <= strength <= 0.5 and 0 <= jitter <= 1 and 0 <= blur <= 1):
            raise ValueError(
                f'JitterAndBlur: strength={strength}, jitter={jitter}, blur={blur}; strength is '
                'from 0 to 0.5, probabilities from 0 to 1'
            )
        self.strength, self.jitter, self.blur = strength, jitter, blur

    def __call__(self, images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Change normalised images.

        Args:
            images: (B, 3, H, W), RGB.
            mean: (3, 1, 1) that was taken off, on the scale of 0 to 255.
            std: (3, 1, 1) that they were divided by.
        """
        jitters, blurs = random.random() < self.jitter, random.random() < self.blur
        if jitters:
            shares = ((images * std + mean) / 255).clamp(0, 1)
            s, count = self.strength, len(images)
            drawn = images.new_tensor([1, 1, 1, 0]) + images.new_empty(count, 4).uniform_(-s, s)
            shares = jittered(shares, drawn, torch.randperm(4).tolist())
            images = (shares * 255 - mean) / std
        if blurs:
            sigmas = [random.uniform(0.15, 1.15) for _ in images]
            images = torch.stack([blurred(i, s) for i, s in zip(images, sigmas, strict=True)])
        return images


def jittered(images: Tensor, factors: Tensor, order: Sequence[int]) -> Tensor:
    """Change colours, the way kornia 0.5 does, which differs from torchvision's.

    Args:
        images: (B, 3, H, W), RGB, from 0 to 1.
        factors: (B, 4) of each image: 1 + what is added to all channels (brightness), what they
            are multiplied by (contrast), what the saturation is multiplied by, and by what part
            of the circle the hue is turned.
        order: of the four changes.
    """
    for change in order:
        factor = factors[:, change, None, None, None]
        if change == BRIGHTNESS:
            images = (images + factor - 1).clamp(0, 1)
        elif change == CONTRAST:
            images = (images * factor).clamp(0, 1)
        else:
            hue, saturation, value = _hsv(images)
            if change == SATURATION:
                saturation = (saturation * factor[:, 0]).clamp(0, 1)
            else:
                hue = (hue + factor[:, 0]) % 1
            images = _rgb(hue, saturation, value)
    return images


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Blur (3, H, W) by a Gaussian as wide as a tenth of the image, its border mirrored."""
    sides = [_odd(math.ceil(0.1 * side)) for side in (image.shape[-1], image.shape[-2])]
    return gaussian_blur(image, sides, [sigma, sigma])


def _odd(side: int) -> int:
    return math.floor(side - 0.5 + side % 2)


def _hsv(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in parts of the circle, saturation and value, each (B, H, W)."""
    value, top = images.max(1)
    spread = value - images.min(1).values
    red, green, blue = images.unbind(1)
    safe = torch.where(spread == 0, torch.ones_like(spread), spread)
    turned = torch.stack([(green - blue), (blue - red) + 2 * safe, (red - green) + 4 * safe], 1)
    hue = turned.gather(1, top[:, None])[:, 0] / safe / 6 % 1
    return hue, spread / (value + 1e-8), value


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """(B, 3, H, W) of hue, saturation and value."""
    shifts = torch.tensor([5.0, 3.0, 1.0], device=hue.device).view(1, 3, 1, 1)
    place = (shifts + hue[:, None] * 6) % 6
    part = torch.minimum(place, 4 - place).clamp(0, 1)
    return value[:, None] * (1 - saturation[:, None] * part)
