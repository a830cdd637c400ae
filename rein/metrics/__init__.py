"""How a segmentation is scored, domain by domain."""

from rein.metrics.domain_iou import DomainIoUMetric
from rein.metrics.prediction_files import PredictionWriter
from rein.metrics.submission import ACDCSubmission, CityscapesSubmission

__all__ = ['ACDCSubmission', 'CityscapesSubmission', 'DomainIoUMetric', 'PredictionWriter']
