"""Predictions as files, for test sets whose labels are kept by a server."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmseg.registry import METRICS
from PIL import Image


@METRICS.register_module()
class PredictionWriter(BaseMetric):
    """Writes each prediction as an 8-bit PNG of class numbers, named after its image.

    For the servers of Cityscapes and ACDC there are ``CityscapesSubmission`` and
    ``ACDCSubmission``, which check the whole set and write the zip file.

    Args:
        out_dir: folder for the files, made when needed.
    """

    default_prefix = ''

    def __init__(self, out_dir: str = 'work_dirs/predictions') -> None:
        super().__init__(collect_device='gpu')  # the process group, on CPUs too
        self.out_dir = Path(out_dir)

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Write the predictions of a batch.

        Raises:
            ValueError: two images in different folders have the same name.
        """
        self.out_dir.mkdir(parents=True, exist_ok=True)
        for sample in data_samples:
            source = sample['img_path']
            name = f'{Path(source).stem}.png'
            labels = sample['pred_sem_seg']['data'].squeeze(0).byte().cpu().numpy()
            Image.fromarray(labels).save(self.out_dir / name)
            self.results.append((name, source))

    def compute_metrics(self, results: list[tuple[str, str]]) -> dict[str, float]:
        """Say how many there are; there is nothing to score."""
        by_name: dict[str, str] = {}
        for name, source in results:
            if by_name.setdefault(name, source) != source:
                raise ValueError(
                    f'{source} and {by_name[name]} have the same name, so one prediction has '
                    'overwritten the other; test them in two runs with different out_dir'
                )
        MMLogger.get_current_instance().info(f'{len(by_name)} predictions in {self.out_dir}')
        return {}
