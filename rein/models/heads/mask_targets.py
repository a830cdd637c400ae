"""From label maps to what the queries should find: one binary mask for each class present."""

from typing import NamedTuple

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

IGNORE = 255


class ClassMasks(NamedTuple):
    """The classes of one image."""

    labels: Tensor  # (G,) int64, ascending
    masks: Tensor  # (G, H, W) float32, 1 where the class is


def class_masks(data_sample: SegDataSample, num_classes: int) -> ClassMasks:
    """Split the labels of an image into one mask for each class present.

    Ignored pixels belong to no mask: for every mask they count as outside it.

    Args:
        data_sample: ``gt_sem_seg`` holds labels (1, H, W), ids in [0, num_classes) or 255.
            Classes that ``lost_classes`` of its metainfo names have a mask too, an empty one.
        num_classes: how many classes the head knows.

    Returns:
        No mask at all for an image that is ignored altogether.

    Raises:
        ValueError: an id is neither a class nor 255.
    """
    ids = data_sample.gt_sem_seg.data.squeeze(0)
    present = ids.unique()
    wrong = [k for k in present.tolist() if k != IGNORE and not 0 <= k < num_classes]
    if wrong:
        path = data_sample.metainfo.get('img_path', 'unknown (no img_path in its metainfo)')
        raise ValueError(
            f'label ids {wrong} in the labels of image {path}; allowed are 0 to {num_classes - 1} '
            f'(decode_head.num_classes is {num_classes}) and {IGNORE} for ignored pixels. Map the '
            'ids to classes (label_map of the dataset), or mend num_classes'
        )
    labels = present[present != IGNORE].long()
    lost = data_sample.metainfo.get('lost_classes', ())
    if lost:
        labels = torch.cat([labels, labels.new_tensor(lost)]).unique()
    return ClassMasks(labels, (ids == labels[:, None, None]).float())
