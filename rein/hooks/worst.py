"""The images of each test domain that scored lowest, kept as class maps."""

import bisect
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import Tensor

from rein.hooks.atomic import write_atomically


@dataclass(frozen=True, order=True)
class Kept:
    """An image by its mIoU (percent) and path; its class maps are PNG files in memory."""

    miou: float
    image: str
    label: str | None = field(compare=False)
    prediction_map: bytes = field(compare=False)
    label_map: bytes = field(compare=False)


@HOOKS.register_module()
class WorstImagesHook(Hook):
    """Write prediction and label of the worst images of each domain as PNGs of class numbers.

    The worst are those of the lowest mIoU, as ``DomainIoUMetric`` gives it for one image; of two
    with the same, the first by path. An image without a labelled pixel has none and is left out.
    Each process keeps at most ``limit`` images of a domain at any time, and the main process
    writes ``<out_dir>/<domain>/<place>_<image name>.png`` (the prediction) and ``..._label.png``
    when the test has ended. ``found`` then lists them for each domain, the worst first: ``image``,
    ``label``, ``prediction_map``, ``label_map`` (paths), ``mIoU``.

    Args:
        out_dir: folder for the files, made when needed.
        limit: at most so many images of each domain, from 1.
    """

    def __init__(self, out_dir: str, limit: int) -> None:
        if limit < 1:
            raise ValueError(f'WorstImagesHook: limit={limit}; use 1 or more, or no such hook')
        self.out_dir = Path(out_dir)
        self.limit = limit
        self.kept: dict[str, list[Kept]] = {}
        self.found: dict[str, list[dict]] = {}

    def before_test_epoch(self, runner: Runner) -> None:
        """Start anew.

        Raises:
            ValueError: no metric of the test tells the mIoU of an image.
        """
        self.kept, self.found = {}, {}
        self._metric = next(
            (m for m in runner.test_evaluator.metrics if hasattr(m, 'latest')), None
        )
        if self._metric is None:
            raise ValueError(
                'WorstImagesHook (--worst) needs the mIoU of each image, which test_evaluator does '
                "not give: take test_evaluator=dict(type='DomainIoUMetric')"
            )

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence[SegDataSample] = (),
    ) -> None:
        """Keep the samples of a batch that are among the worst so far."""
        for sample, scored in zip(outputs, self._metric.latest(len(outputs)), strict=True):
            worst = self.kept.setdefault(scored.domain, [])
            place = (scored.miou, scored.image)
            full = len(worst) == self.limit
            if math.isnan(scored.miou) or (full and place >= (worst[-1].miou, worst[-1].image)):
                continue
            maps = (_png(sample.pred_sem_seg.data), _png(sample.gt_sem_seg.data))
            bisect.insort(worst, Kept(*place, scored.label, *maps))
            del worst[self.limit :]

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Write the worst images of all processes."""
        everywhere = all_gather_object(self.kept)
        if not is_main_process():
            return
        for domain in sorted({name for kept in everywhere for name in kept}):
            # A set: the sampler may give one image to two processes, to make their shares even.
            all_kept = {each for kept in everywhere for each in kept.get(domain, ())}
            worst = sorted(all_kept)[: self.limit]
            self.found[domain] = [self._write(domain, k, each) for k, each in enumerate(worst, 1)]
        count = sum(len(entries) for entries in self.found.values())
        runner.logger.info(f'the {count} worst images: {self.out_dir}')

    def _write(self, domain: str, place: int, kept: Kept) -> dict:
        folder = self.out_dir / domain.replace('/', '_')
        stem = f'{place:02d}_{Path(kept.image).stem}'
        files = {
            'prediction_map': folder / f'{stem}.png',
            'label_map': folder / f'{stem}_label.png',
        }
        for key, path in files.items():
            write_atomically(path, getattr(kept, key))
        paths = {key: str(path) for key, path in files.items()}
        # A report may be made from another folder; a drawn scene has a name and no file.
        image = os.path.abspath(kept.image) if Path(kept.image).is_file() else kept.image
        return {'image': image, 'label': kept.label, **paths, 'mIoU': kept.miou}


def _png(labels: Tensor) -> bytes:
    """A map of class numbers (1, H, W) as a PNG of one channel."""
    stream = io.BytesIO()
    Image.fromarray(labels.squeeze(0).cpu().numpy().astype(np.uint8)).save(stream, 'PNG')
    return stream.getvalue()
