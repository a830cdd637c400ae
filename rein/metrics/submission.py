"""Predictions of test sets whose labels are kept by a server, as the zip file that it takes."""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmseg.registry import METRICS
from PIL import Image

from rein.datasets.classes import CITYSCAPES_IDS, CLASSES, IGNORE
from rein.hooks.atomic import write_atomically

YEAR_ZERO = (1980, 1, 1, 0, 0, 0)  # zip files know no earlier date


class Submission(BaseMetric):
    """Writes the predictions of a whole test set into one zip file, or nothing.

    The same predictions give the same bytes. Nothing is scored.

    Args:
        out: the file; folders are made when needed.
        expected: images that the server's test set has.
    """

    default_prefix = ''
    SIZE: tuple[int, int]  # width, height of the server's labels
    NUMBERS: ClassVar[Sequence[int]] = range(len(CLASSES))  # the server's number of each class

    def __init__(self, out: str, expected: int) -> None:
        super().__init__(collect_device='gpu')  # the process group, on CPUs too
        if not str(out).endswith('.zip'):
            raise ValueError(f'test_evaluator.out={out!r} is no zip file; name it {out}.zip')
        self.out = Path(out)
        self.expected = expected

    def name_of(self, stem: str) -> str | None:
        """Name of the prediction of the image called ``stem``; None if it is no such image."""
        raise NotImplementedError

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the predictions of a batch, as PNG files in memory.

        Raises:
            ValueError: a prediction has another size than the server's labels or a class that it
                does not know, or an image is not called as those of the test set.
        """
        for sample in data_samples:
            source = sample['img_path']
            name = self.name_of(Path(source).stem)
            if name is None:
                raise ValueError(
                    f'{source} is not called as the images of this test set are, so its '
                    f'prediction could not be found by the server of {type(self).__name__}'
                )
            labels = sample['pred_sem_seg']['data'].squeeze(0).cpu().numpy()
            png = self._encoded(labels, source)
            self.results.append((name, sample.get('domain', ''), source, png))

    def compute_metrics(self, results: list[tuple[str, str, str, bytes]]) -> dict[str, float]:
        """Write the file; there is nothing to score.

        Raises:
            ValueError: predictions are missing, or two have the same name.
        """
        sources: dict[str, str] = {}
        for name, _, source, _ in results:
            if sources.setdefault(name, source) != source:
                raise ValueError(
                    f'{source} and {sources[name]} have the same name, {name}; the server takes '
                    'one prediction for each image of its test set'
                )
        if len(sources) != self.expected:
            found = Counter(domain for _, domain, _, _ in results)
            parts = ', '.join(f'{count} of {domain}' for domain, count in sorted(found.items()))
            raise ValueError(
                f'there are {len(sources)} predictions ({parts}), but the test set has '
                f'{self.expected} images, and the server takes all or none; nothing was written. '
                'Test the whole set, or set test_evaluator.expected for a part of it'
            )
        files = {name: png for name, _, _, png in results}
        write_atomically(self.out, zipped(files))
        MMLogger.get_current_instance().info(
            f'{len(files)} predictions in {self.out} ({self.out.stat().st_size / 2**20:.1f} MiB)'
        )
        return {}

    def _encoded(self, labels: np.ndarray, source: str) -> bytes:
        """PNG of the server's numbers."""
        size = (labels.shape[1], labels.shape[0])
        if size != self.SIZE:
            raise ValueError(
                f'the prediction of {source} is {size[0]}x{size[1]}, but the server takes '
                f'{self.SIZE[0]}x{self.SIZE[1]}: predictions have the size of the image file, so '
                'take the images as they were published'
            )
        unknown = sorted({int(n) for n in np.unique(labels)} - set(range(len(self.NUMBERS))))
        if unknown:
            raise ValueError(
                f'the prediction of {source} has the classes {unknown}, but the server knows 0 to '
                f'{len(self.NUMBERS) - 1}: predict the {len(self.NUMBERS)} classes of Cityscapes'
            )
        file = io.BytesIO()
        Image.fromarray(np.asarray(self.NUMBERS, np.uint8)[labels]).save(file, 'PNG')
        return file.getvalue()


@METRICS.register_module()
class CityscapesSubmission(Submission):
    """The zip file for Cityscapes' pixel-level server: label ids (road is 7), 1,525 images.

    Published rules (``evalPixelLevelSemanticLabeling.py`` of mcordts/cityscapesScripts, commit
    02a0f28, which scores the test set, and its issues 65 and 117): pixels hold the ids of
    ``labels.py``, not the train ids; a prediction is as large as its label, 2048x1024, and has
    one channel; for each test image there is exactly one file, in any folder, that is called
    ``<city>_<sequence>_<frame>*.png``. Whether the server limits the size of the file is not said
    there.

    Args:
        out: the file.
        expected: images that the test set has.
    """

    SIZE = (2048, 1024)
    NUMBERS = tuple(
        number for _, number in sorted((t, n) for n, t in CITYSCAPES_IDS.items() if t != IGNORE)
    )

    def __init__(
        self, out: str = 'work_dirs/cityscapes_submission.zip', expected: int = 1525
    ) -> None:
        super().__init__(out, expected)

    def name_of(self, stem: str) -> str | None:
        """City, sequence and frame, which the server looks for."""
        found = re.match(r'(.+_\d{6}_\d{6})_leftImg8bit$', stem)
        return f'{found[1]}_labelIds.png' if found else None


@METRICS.register_module()
class ACDCSubmission(Submission):
    """The zip file for ACDC's semantic segmentation server: train ids (road is 0), 2,000 images.

    Published rules (https://acdc.vision.ee.ethz.ch/submit, as the README of DTBS, ECAI 2023,
    quotes that page, which itself could not be read): predictions are as large as the images,
    1920x1080, and hold train ids. They are called as their images and lie in one folder,
    ``labelTrainIds``, as VBLC and others have submitted them; Refign writes no such folder.
    Whether the server asks for it, and whether it limits the size of the file, is not known. The
    conditions are not kept apart.

    Args:
        out: the file.
        expected: images that the test set has; 500 for one of the four conditions.
    """

    SIZE = (1920, 1080)

    def __init__(self, out: str = 'work_dirs/acdc_submission.zip', expected: int = 2000) -> None:
        super().__init__(out, expected)

    def name_of(self, stem: str) -> str | None:
        """Name of the image."""
        return f'labelTrainIds/{stem}.png' if stem.endswith('_rgb_anon') else None


def zipped(files: dict[str, bytes]) -> bytes:
    """Bytes of a zip file of ``files`` (contents by name), always the same for the same files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, 'w', zipfile.ZIP_STORED) as archive:  # PNGs are compressed already
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, YEAR_ZERO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return data.getvalue()
