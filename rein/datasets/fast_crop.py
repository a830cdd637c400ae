"""MMSegmentation's random crop, drawn alike and in a tenth of its time."""

import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import RandomCrop
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
