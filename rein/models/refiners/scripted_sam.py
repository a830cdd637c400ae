"""A stand-in for SAM on images whose true labels are known, for experiments without weights."""

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmseg.registry import DATASETS, MODELS
from torch import Tensor

from rein.datasets.transforms import read_image
from rein.models.refiners.components import Component, large_components
from rein.runtime.seeds import mixed_seed

PARTS = 3  # proposals of a prompt


@MODELS.register_module()
class ScriptedSam:
    """Answers prompts with the true objects of an image, a little wrong.

    An object is a connected region of a true class. Of the three proposals one is the object that
    most of the points lie in, one is a part of it, and one is all objects that any point lies in.
    Each is shifted and grown or shrunk by up to ``noise`` pixels, and what it claims of itself is
    noisy too, so that now and then a wrong one claims most. All of it follows from the image and
    the place of the object alone.

    Args:
        datasets: configs of labelled data sets that hold the images, as they are or mirrored.
        noise: pixels by which the borders of masks are off at most.
        confusion: standard deviation of the claims; the object's own is 0.3 above the others'.

    Raises:
        ValueError: a number is negative.
    """

    def __init__(self, datasets: Sequence[dict], noise: int = 1, confusion: float = 0.15) -> None:
        if noise < 0 or confusion < 0:
            raise ValueError(
                f'ScriptedSam: noise={noise}, confusion={confusion}; use numbers of 0 or more'
            )
        self.noise, self.confusion = noise, confusion
        self.datasets = [DATASETS.build({**each, 'pipeline': []}) for each in datasets]
        self._files: dict[bytes, tuple[str, object, bool]] = {}

    def encode(self, image: np.ndarray) -> 'Scene':
        """Find the true labels of an image (H, W, 3), RGB, uint8.

        Raises:
            ValueError: the image is none of the data sets'.
        """
        if not self._files:
            self._list()
        digest = _digest(image)
        if digest not in self._files:
            folders = ', '.join(dataset.data_root for dataset in self.datasets)
            raise ValueError(
                f'ScriptedSam knows the images of {folders} only, as they are or mirrored: leave '
                'resizing, cropping and colours out of what the teacher sees'
            )
        path, encoding, mirrored = self._files[digest]
        labels = encoding.read(path)
        return Scene(labels[:, ::-1] if mirrored else labels, int.from_bytes(digest[:4], 'big'))

    def predict(
        self,
        encoded: 'Scene',
        points: Tensor | None = None,
        low: Tensor | None = None,
        boxes: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Masks of points, see ``Promptable``; a box stands for its middle and four around it."""
        if boxes is not None:
            points = _five_points(boxes)
        answers = [self._answer(encoded, each) for each in points.long().numpy()]
        masks = torch.from_numpy(np.stack([masks for masks, _ in answers]))
        claims = torch.tensor(np.stack([claims for _, claims in answers]), dtype=torch.float32)
        return masks, claims, torch.where(masks[..., ::4, ::4], 8.0, -8.0)

    def _answer(self, scene: 'Scene', points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = scene.numbers.shape
        x, y = points[:, 0].clip(0, width - 1), points[:, 1].clip(0, height - 1)
        hit = scene.numbers[y, x]
        kinds, votes = np.unique(hit, return_counts=True)
        best = int(kinds[votes.argmax()])
        thing = scene.numbers == best
        columns = np.flatnonzero(thing.any(0))
        part = thing.copy()
        part[:, int(columns.mean()) + 1 :] = False
        masks = np.stack([thing, part, np.isin(scene.numbers, kinds)])
        draw = np.random.RandomState(mixed_seed(scene.seed, best, len(kinds)))
        masks = np.stack([self._disturbed(mask, draw) for mask in masks])
        claims = np.array([0.9, 0.6, 0.6]) + self.confusion * draw.standard_normal(PARTS)
        return masks, claims

    def _disturbed(self, mask: np.ndarray, draw: np.random.RandomState) -> np.ndarray:
        """A mask moved, and grown or shrunk."""
        if not self.noise:
            return mask
        dx, dy, grow = draw.randint(-self.noise, self.noise + 1, 3)
        moved = np.float32([[1, 0, dx], [0, 1, dy]])
        found = cv2.warpAffine(
            mask.astype(np.uint8),
            moved,
            mask.shape[::-1],
            flags=cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_REPLICATE,
        )
        square = np.ones((2 * abs(grow) + 1,) * 2, np.uint8)
        return (cv2.dilate if grow > 0 else cv2.erode)(found, square).astype(bool)

    def _list(self) -> None:
        for dataset in self.datasets:
            for number in range(len(dataset)):
                info = dataset.get_data_info(number)
                image = np.ascontiguousarray(read_image(info['img_path'])[..., ::-1])
                labels = info['seg_map_path'], info['label_encoding']
                self._files[_digest(image[:, ::-1])] = (*labels, True)
                self._files[_digest(image)] = (*labels, False)


class Scene:
    """The true objects of an image.

    Args:
        labels: (H, W) true classes.
        seed: that follows from the image.

    Attributes:
        numbers: (H, W) of the object at each pixel; all pixels without a class are one.
    """

    def __init__(self, labels: np.ndarray, seed: int) -> None:
        self.seed = seed
        self.numbers = np.zeros(labels.shape, np.int32)
        components: list[Component] = large_components(np.ascontiguousarray(labels), 0)
        for number, component in enumerate(components, start=1):
            self.numbers.ravel()[component.pixels] = number


def _five_points(boxes: Tensor) -> Tensor:
    left, top, right, bottom = boxes.unbind(1)
    x, y = (left + right) / 2, (top + bottom) / 2
    dx, dy = (right - left) / 4, (bottom - top) / 4
    xs = torch.stack([x, x - dx, x + dx, x, x], 1)
    return torch.stack([xs, torch.stack([y, y, y, y - dy, y + dy], 1)], 2)


def _digest(image: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(image)).digest()
