"""mIoU of each test domain, and their mean."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmseg.registry import METRICS
from prettytable import PrettyTable

from rein.datasets.classes import MERGES
from rein.metrics.confusion import count_confusion, merge_classes, scores


@METRICS.register_module()
class DomainIoUMetric(BaseMetric):
    """Scores the samples of each domain by themselves, then averages over the domains.

    A sample's domain is what its data set declared (``domain``), never guessed from its path.
    For each domain one confusion matrix is summed over its images, so neither batch size nor
    order nor the number of processes matters. Reported, in percent, are ``<domain>/mIoU``,
    ``<domain>/mAcc`` (mean class recall), ``<domain>/aAcc`` (pixel accuracy) and their means
    ``mean_mIoU``, ``mean_mAcc``, ``mean_aAcc``. A class that a domain neither contains nor gets
    predicted is left out of its mean.

    Args:
        mean_domains: domains that the means are over; all by default.
        merge: classes to score instead of the data set's: a name out of
            ``rein.datasets.classes.MERGES`` ('camvid11', 'synthia16', 'synthia13') or a dict of
            group names and the classes in each.
        ignore_index: label that is not counted.
    """

    default_prefix = ''

    def __init__(
        self,
        mean_domains: Sequence[str] | None = None,
        merge: str | Mapping[str, Sequence[str]] | None = None,
        ignore_index: int = 255,
    ) -> None:
        # MMEngine's 'gpu' is the process group, on CPUs too; its 'cpu' is files in the current
        # folder.
        super().__init__(collect_device='gpu')
        if isinstance(merge, str) and merge not in MERGES:
            raise ValueError(f'merge={merge!r} is none of {", ".join(MERGES)}, nor a dict')
        self.groups = MERGES[merge] if isinstance(merge, str) else merge
        self.mean_domains = None if mean_domains is None else list(mean_domains)
        self.ignore_index = ignore_index

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch.

        Raises:
            ValueError: a sample has no domain or no label, or prediction and label do not match.
        """
        classes = self.dataset_meta['classes']
        for sample in data_samples:
            path = sample.get('img_path', 'a sample')
            if 'domain' not in sample:
                raise ValueError(
                    f"{path} has no 'domain': use a data set of rein, which declares it, and "
                    "keep it in the test pipeline: dict(type='PackInputs')"
                )
            if 'gt_sem_seg' not in sample:
                raise ValueError(
                    f'{path} has no label to score; add LoadLabels to the test pipeline, or for '
                    "images without labels take test_evaluator=dict(type='PredictionWriter')"
                )
            prediction = sample['pred_sem_seg']['data'].squeeze(0)
            label = sample['gt_sem_seg']['data'].squeeze(0).to(prediction.device)
            try:
                counts = count_confusion(prediction, label, len(classes), self.ignore_index)
            except ValueError as error:
                raise ValueError(f'{path}: {error}') from error
            self.results.append((sample['domain'], counts))

    def compute_metrics(self, results: list[tuple[str, np.ndarray]]) -> dict[str, float]:
        """Scores by name, percent.

        Raises:
            ValueError: there was no sample of one of ``mean_domains``.
        """
        classes = list(self.dataset_meta['classes'])
        totals: dict[str, np.ndarray] = {}
        for domain, counts in results:
            totals[domain] = totals.get(domain, 0) + counts
        missing = [name for name in self.mean_domains or () if name not in totals]
        if missing:
            raise ValueError(f'mean_domains {missing} were not tested; tested: {sorted(totals)}')
        if self.groups is not None:
            totals = {name: merge_classes(c, classes, self.groups) for name, c in totals.items()}
            classes = list(self.groups)
        found = {name: scores(totals[name], len(classes)) for name in sorted(totals)}
        self._print(found, classes)
        metrics = {}
        for name, values in found.items():
            metrics[f'{name}/mIoU'] = _mean(values['IoU'])
            metrics[f'{name}/mAcc'] = _mean(values['Acc'])
            metrics[f'{name}/aAcc'] = float(values['aAcc'])
        over = self.mean_domains or list(found)
        for key in ('mIoU', 'mAcc', 'aAcc'):
            metrics[f'mean_{key}'] = _mean([metrics[f'{name}/{key}'] for name in over])
        return metrics

    def _print(self, found: Mapping[str, Mapping[str, np.ndarray]], classes: list[str]) -> None:
        """Log the IoU of each class in each domain."""
        table = PrettyTable(['class', *found], align='r')
        table.align['class'] = 'l'
        for k, name in enumerate(classes):
            table.add_row([name, *(_percent(values['IoU'][k]) for values in found.values())])
        table.add_row(['mean', *(_percent(_mean(values['IoU'])) for values in found.values())])
        MMLogger.get_current_instance().info(f'IoU of each class, percent:\n{table}')


def _mean(values: Sequence[float]) -> float:
    """Mean of those that are not nan; nan when all are."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        return float(np.nanmean(values))


def _percent(value: float) -> str:
    return '-' if np.isnan(value) else f'{value:.2f}'
