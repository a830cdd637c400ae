"""Crops of a few images, each of them a function of its place in the training alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from rein.datasets.label_files import UNREADABLE, broken
from rein.datasets.layout import images_below


@dataclass(frozen=True)
class Crop:
    """A crop with what SDXL is told of it.

    Args:
        pixels: (3, crop, crop), from -1 to 1.
        image: (height, width) of the image that it was cut of, after its resizing.
        corner: (top, left) of the crop in it.
    """

    pixels: Tensor
    image: tuple[int, int]
    corner: tuple[int, int]


@dataclass(frozen=True)
class Instances:
    """One or a few images of what a generator is to know.

    Args:
        source: an image or a folder of images.
        resolution: of the shorter side, to which images are resized; an image that has it already
            stays as it is.
        crop: side of the square crops.

    Raises:
        FileNotFoundError: there is no image.
        ValueError: an image is damaged, or crops do not fit.

    Source: Benigmim et al., CVPR-W 2023: 512 of a shorter side of 1024, no flip.
    """

    source: Path
    resolution: int = 1024
    crop: int = 512

    def __post_init__(self) -> None:
        if self.crop > self.resolution or self.crop % 8:
            raise ValueError(
                f'crop is {self.crop}; use a multiple of 8, at most the resolution, '
                f'{self.resolution}'
            )

    @cached_property
    def files(self) -> list[Path]:
        """Paths of the images, in their order."""
        source = Path(self.source)
        if source.is_file():
            return [source]
        if not source.is_dir():
            raise FileNotFoundError(f'there is no image or folder of images {source}')
        return [Path(path) for path in images_below(source).values()]

    @cached_property
    def _images(self) -> dict[int, Image.Image]:
        return {}

    def _image(self, number: int) -> Image.Image:
        """An image at its size for cropping; a few are kept in memory."""
        if number in self._images:
            return self._images[number]
        path = self.files[number]
        try:
            with Image.open(path) as file:
                image = ImageOps.exif_transpose(file).convert('RGB')
        except UNREADABLE as error:
            raise broken(str(path), 'image', error) from error
        scale = self.resolution / min(image.size)
        size = tuple(max(self.resolution, round(side * scale)) for side in image.size)
        if min(image.size) != self.resolution:
            image = image.resize(size, Image.Resampling.BILINEAR)
        if len(self._images) < 16:
            self._images[number] = image
        return image

    def cut(self, draw: torch.Generator) -> Crop:
        """Cut one of the images at a random place.

        Args:
            draw: for the image and the place.
        """
        number = int(torch.randint(len(self.files), (), generator=draw))
        image = self._image(number)
        top, left = (
            int(torch.randint(side - self.crop + 1, (), generator=draw))
            for side in (image.height, image.width)
        )
        box = (left, top, left + self.crop, top + self.crop)
        pixels = np.asarray(image.crop(box), np.float32) / 127.5 - 1  # (H, W, 3)
        tensor = torch.from_numpy(pixels).permute(2, 0, 1)
        return Crop(tensor, (image.height, image.width), (top, left))

    def batch(self, count: int, draw: torch.Generator) -> list[Crop]:
        """Cut several."""
        return [self.cut(draw) for _ in range(count)]


def stack(crops: Sequence[Crop]) -> Tensor:
    """Pixels (B, 3, crop, crop) of several crops."""
    return torch.stack([crop.pixels for crop in crops])
