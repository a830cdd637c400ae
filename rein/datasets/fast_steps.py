"""Two of MMSegmentation's steps, with the same samples from the same random numbers, sooner."""

import cv2
import mmcv
import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import PhotoMetricDistortion, RandomCrop
from mmseg.registry import TRANSFORMS

from rein.datasets.label_files import histogram

TRIES = 10  # further places, as MMSegmentation has it


@TRANSFORMS.register_module()
class FastRandomCrop(RandomCrop):
    """MMSegmentation's ``RandomCrop``: the same crops from the same random numbers, sooner.

    It takes the same arguments. With ``cat_max_ratio`` below 1 the pixels of every class in a crop
    are counted, again for every place that is drawn; here runs of equal labels are counted whole,
    where MMSegmentation sorts the pixels.
    """

    @cache_randomness
    def crop_bbox(self, results: dict) -> tuple[int, int, int, int]:
        """Draw the place of the crop: upper, lower, left and right border."""
        labels = results.get('gt_seg_map')
        if self.cat_max_ratio >= 1 or labels is None or labels.dtype != np.uint8:
            return super().crop_bbox(results)
        box = self._drawn(results['img'])
        for _ in range(TRIES):
            counts = histogram(self.crop(labels, box))
            if 0 <= self.ignore_index < len(counts):
                counts[self.ignore_index] = 0
            most = counts.max()
            if 0 < most < counts.sum() and most / counts.sum() < self.cat_max_ratio:
                break
            box = self._drawn(results['img'])
        return box

    def _drawn(self, image: np.ndarray) -> tuple[int, int, int, int]:
        top, left = (
            np.random.randint(0, max(side - own, 0) + 1)
            for side, own in zip(image.shape, self.crop_size, strict=False)
        )
        return top, top + self.crop_size[0], left, left + self.crop_size[1]


@TRANSFORMS.register_module()
class FastPhotoMetricDistortion(PhotoMetricDistortion):
    """MMSegmentation's ``PhotoMetricDistortion``, the same to the bit, by tables of 256 numbers.

    It takes the same arguments. What it does to a pixel depends on nothing but the pixel's 8 bits,
    so it is worked out once for each number, in MMSegmentation's own arithmetic.
    """

    def convert(self, img: np.ndarray, alpha: float = 1, beta: float = 0) -> np.ndarray:
        """Times ``alpha``, plus ``beta``, cut to 0 to 255."""
        if img.dtype != np.uint8:
            return super().convert(img, alpha, beta)
        return cv2.LUT(img, super().convert(np.arange(256, dtype=np.uint8), alpha, beta))

    def hue(self, img: np.ndarray) -> np.ndarray:
        """Shift the hue of an image (H, W, 3), BGR, by a random part of the circle."""
        if img.dtype != np.uint8:
            return super().hue(img)
        if not np.random.randint(2):
            return img
        hsv = mmcv.bgr2hsv(img)
        shift = np.random.randint(-self.hue_delta, self.hue_delta)
        table = ((np.arange(256) + shift) % 180).astype(np.uint8)  # OpenCV counts the circle by 180
        hsv[:, :, 0] = cv2.LUT(hsv[:, :, 0], table)
        return mmcv.hsv2bgr(hsv)
