"""mIoU of each test domain, and their means."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmseg.registry import METRICS

from rein.datasets.classes import MERGES
from rein.metrics.confusion import count_confusion, mean, merge_classes, scores
from rein.metrics.details import ScoredImage, domain_details, iou_tables


@METRICS.register_module()
class DomainIoUMetric(BaseMetric):
    """Scores the samples of each domain by themselves, then averages over the domains.

    A sample's domain is what its data set declared (``domain``), never guessed from its path.
    For each domain one confusion matrix is summed over its images, so neither batch size nor
    order nor the number of processes matters. Reported, in percent, are ``<domain>/mIoU``,
    ``<domain>/mAcc`` (mean class recall), ``<domain>/aAcc`` (pixel accuracy) and their means
    ``mean_mIoU``, ``mean_mAcc``, ``mean_aAcc``. A class that a domain neither contains nor gets
    predicted is left out of its mean. After an evaluation ``details`` holds what a report needs
    beside them, in the main process; docs/reports.md lists it.

    Args:
        mean_domains: domains that the means are over; all by default.
        merge: classes to score instead of the data set's: a name out of
            ``rein.datasets.classes.MERGES`` ('camvid11', 'synthia16', 'synthia13') or a dict of
            group names and the classes in each.
        ignore_index: label that is not counted.
        also: names out of ``MERGES`` to score beside those classes, from the same matrix:
            ``<domain>/mIoU-synthia16`` and ``mean_mIoU-synthia16``.
        means: further means: name -> shell patterns of the domains that it is over, such as
            ``dict(fog=['fog-*'])``; reported as ``mean_mIoU-fog``.
    """

    default_prefix = ''

    def __init__(
        self,
        mean_domains: Sequence[str] | None = None,
        merge: str | Mapping[str, Sequence[str]] | None = None,
        ignore_index: int = 255,
        also: Sequence[str] = (),
        means: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        # MMEngine's 'gpu' is the process group, on CPUs too; its 'cpu' is files in the current
        # folder.
        super().__init__(collect_device='gpu')
        if isinstance(merge, str) and merge not in MERGES:
            raise ValueError(f'merge={merge!r} is none of {", ".join(MERGES)}, nor a dict')
        self.groups = MERGES[merge] if isinstance(merge, str) else merge
        self.mean_domains = None if mean_domains is None else list(mean_domains)
        self.ignore_index = ignore_index
        self.also = _names_of_merges(also)
        self.means = _patterns(means or {}, self.also)
        self.details: dict = {}

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
            self.results.append(self._scored(sample, counts))

    def latest(self, count: int) -> list[ScoredImage]:
        """The last ``count`` images that this process has scored, until they are evaluated."""
        return self.results[len(self.results) - count :]

    def compute_metrics(self, results: list[ScoredImage]) -> dict[str, float]:
        """Scores by name, percent.

        Raises:
            ValueError: there was no sample of one of ``mean_domains`` or of a pattern of
                ``means``; or the data set lacks a class of ``merge`` or ``also``.
        """
        totals: dict[str, np.ndarray] = {}
        for image in results:
            totals[image.domain] = totals.get(image.domain, 0) + image.counts
        totals = {name: totals[name] for name in sorted(totals)}
        over = self._averaged(totals)
        found = {name: self._scores(counts, self.groups) for name, counts in totals.items()}
        also = {
            key: {name: self._scores(c, MERGES[key])['IoU'] for name, c in totals.items()}
            for key in self.also
        }
        self._keep(results, totals, found, also)
        text = iou_tables({n: v['IoU'] for n, v in found.items()}, self.details['classes'])
        MMLogger.get_current_instance().info(f'IoU of each class, percent:\n{text}')

        metrics = {}
        for name, values in found.items():
            metrics[f'{name}/mIoU'] = mean(values['IoU'])
            metrics[f'{name}/mAcc'] = mean(values['Acc'])
            metrics[f'{name}/aAcc'] = float(values['aAcc'])
            metrics |= {f'{name}/mIoU-{key}': mean(also[key][name]) for key in also}
        for key in ('mIoU', 'mAcc', 'aAcc', *(f'mIoU-{key}' for key in also)):
            metrics[f'mean_{key}'] = mean([metrics[f'{name}/{key}'] for name in over['']])
        for key in self.means:
            metrics[f'mean_mIoU-{key}'] = mean([metrics[f'{name}/mIoU'] for name in over[key]])
        return metrics

    def _scored(self, sample: Mapping, counts: np.ndarray) -> ScoredImage:
        found = self._scores(counts, self.groups)
        scored = sample['gt_sem_seg']['data'].shape[-2:]
        height, width = sample.get('img_shape', scored)[:2]
        label = sample.get('seg_map_path')
        return ScoredImage(
            domain=sample['domain'],
            image=str(sample.get('img_path', '')),
            label=None if label is None else str(label),
            size=(int(width), int(height)),
            scored=(int(scored[1]), int(scored[0])),
            counts=counts,
            miou=mean(found['IoU']),
            accuracy=float(found['aAcc']),
        )

    def _merged(self, counts: np.ndarray, groups: Mapping[str, Sequence[str]] | None) -> np.ndarray:
        if groups is None:
            return counts
        return merge_classes(counts, list(self.dataset_meta['classes']), groups)

    def _scores(
        self, counts: np.ndarray, groups: Mapping[str, Sequence[str]] | None
    ) -> dict[str, np.ndarray]:
        scored = len(self.dataset_meta['classes'] if groups is None else groups)
        return scores(self._merged(counts, groups), scored)

    def _averaged(self, tested: Mapping[str, object]) -> dict[str, list[str]]:
        """Domains that each mean is over, by its name; '' is the main one."""
        missing = [name for name in self.mean_domains or () if name not in tested]
        if missing:
            raise ValueError(f'mean_domains {missing} were not tested; tested: {sorted(tested)}')
        over = {'': self.mean_domains or list(tested)}
        for key, patterns in self.means.items():
            for pattern in patterns:
                if not any(fnmatchcase(name, pattern) for name in tested):
                    raise ValueError(
                        f'means[{key!r}]: no tested domain is called {pattern!r}; tested: '
                        f'{sorted(tested)}'
                    )
            over[key] = [n for n in tested if any(fnmatchcase(n, each) for each in patterns)]
        return over

    def _keep(
        self,
        results: Sequence[ScoredImage],
        totals: Mapping[str, np.ndarray],
        found: Mapping[str, Mapping[str, np.ndarray]],
        also: Mapping[str, Mapping[str, np.ndarray]],
    ) -> None:
        """Put together what a report needs."""
        over, meta = self._averaged(totals), self.dataset_meta
        domains = {}
        for name, counts in totals.items():
            own = [image for image in results if image.domain == name]
            extra = {key: values[name] for key, values in also.items()}
            matrix = self._merged(counts, self.groups)
            domains[name] = domain_details(own, matrix, found[name], extra)
        self.details = {
            'classes': list(meta['classes'] if self.groups is None else self.groups),
            'means': over,
            'also': {key: list(MERGES[key]) for key in self.also},
            'data_classes': list(meta['classes']),
            'palette': [[int(v) for v in colour] for colour in meta.get('palette') or ()],
            'groups': self.groups and {name: list(each) for name, each in self.groups.items()},
            'domains': domains,
        }


def _names_of_merges(also: Sequence[str]) -> list[str]:
    unknown = [also] if isinstance(also, str) else [key for key in also if key not in MERGES]
    if unknown:
        raise ValueError(f'also={also!r} must be a list of names out of {", ".join(MERGES)}')
    return list(dict.fromkeys(also))


def _patterns(
    means: Mapping[str, Sequence[str]], taken: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Patterns of each mean, checked for what would be read otherwise than it was meant."""
    for key, patterns in means.items():
        if isinstance(patterns, str) or not patterns or not key or key in taken:
            raise ValueError(
                f'means[{key!r}]={patterns!r}: a mean has a name, other than those of also '
                f'({", ".join(taken) or "none"}), and a list of patterns: dict(fog=["fog-*"])'
            )
    return {key: tuple(patterns) for key, patterns in means.items()}
