"""How a segmentation is scored, domain by domain."""

from rein.metrics.domain_iou import DomainIoUMetric
from rein.metrics.prediction_files import PredictionWriter

__all__ = ['DomainIoUMetric', 'PredictionWriter']
