"""Labels of many images by one model, refined, written where a training finds them."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.dataset import pseudo_collate
from mmseg.registry import TRANSFORMS
from torch import nn
from torch.utils.data import DataLoader, Dataset

from rein.datasets.pseudo_labels import LabelStore
from rein.datasets.transforms import read_image

READING = ({'type': 'LoadImage'}, {'type': 'PackInputs'})
Refiner = Callable[[np.ndarray, np.ndarray, np.random.Generator], object]


class _Images(Dataset):
    """Images as a model is tested on them, with their keys."""

    def __init__(self, images: Sequence[tuple[str, str]], pipeline: Sequence[dict]) -> None:
        self.images = images
        self.pipeline = Compose([TRANSFORMS.build(dict(step)) for step in pipeline])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> dict:
        key, path = self.images[number]
        return {'key': key, 'path': path, **self.pipeline({'img_path': path, 'seg_fields': []})}


@torch.no_grad()
def label_images(
    model: nn.Module,
    images: Mapping[str, str],
    store: LabelStore,
    refiner: Refiner | None = None,
    *,
    pipeline: Sequence[dict] = READING,
    seed: int = 0,
    workers: int = 0,
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Label the images that have no labels in the store yet, and write them there.

    What a refiner draws follows from the seed and the image's key alone, so neither the order of
    the images nor the number of processes matters.

    Args:
        model: has ``label(data)``, as ``SelfTraining``; in evaluation mode.
        images: path of each image by its key.
        store: to write to.
        refiner: makes labels (H, W) better, see ``SamRefiner``.
        pipeline: transforms of an image, from reading to packing.
        seed: of what the refiner draws.
        workers: processes that read images; 0 reads in this one.

    Yields:
        Of every image its key, the model's labels and those written, (H, W) uint8.

    Raises:
        FileNotFoundError: an image is not there.
        ValueError: it is damaged, or its masks overlap.
    """
    waiting = [(key, images[key]) for key in store.missing(list(images))]
    loader = DataLoader(
        _Images(waiting, pipeline), num_workers=workers, collate_fn=pseudo_collate, batch_size=1
    )
    for batch in loader:
        (key,), (path,) = batch.pop('key'), batch.pop('path')
        (found,) = model.label(batch)
        labels = found.labels[0].byte().cpu().numpy()
        confidence = found.confidence[0].float().cpu().numpy()
        refined = labels
        if refiner is not None:
            draw = np.random.default_rng([seed, zlib.crc32(key.encode())])
            image = np.ascontiguousarray(read_image(path)[..., ::-1])
            refined = refiner(image, labels, draw).labels().cpu().numpy()
        store.write(key, refined, confidence)
        yield key, labels, refined
