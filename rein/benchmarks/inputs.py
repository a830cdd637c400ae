"""What is timed: models without weights, random labels."""

import copy
from collections.abc import Mapping

import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from rein.runtime.settings import walk


def without_weights(model: ConfigDict) -> ConfigDict:
    """A copy of a model's config that begins at random and is not compiled.

    Times do not depend on the values, and who measures says what is compiled.
    """
    model = copy.deepcopy(ConfigDict(model))
    for _, node in list(walk(model)):
        if isinstance(node, Mapping) and 'weights' in node:
            node['weights'] = None
    model.pop('compile', None)
    return model


def random_samples(
    batch: int, size: tuple[int, int], classes: int, device: torch.device
) -> list[SegDataSample]:
    """Blocks of 64 pixels of random classes: about as many classes as a crop of a street has."""
    blocks = torch.randint(0, classes, (batch, 1, -(-size[0] // 64), -(-size[1] // 64)))
    labels = blocks.repeat_interleave(64, 2).repeat_interleave(64, 3)[..., : size[0], : size[1]]
    samples = []
    for label in labels.to(device):
        sample = SegDataSample(metainfo={'img_shape': size, 'ori_shape': size})
        sample.gt_sem_seg = PixelData(data=label)
        samples.append(sample)
    return samples
