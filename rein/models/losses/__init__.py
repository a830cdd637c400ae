"""Losses on features: style covariances, pixel contrasts, whitening."""

from rein.models.losses.contrast import ClassContrast, DisentanglementContrast
from rein.models.losses.covariance import CovarianceMatch, CrossCovariance
from rein.models.losses.feature_distance import ThingFeatureDistance
from rein.models.losses.pixel_contrast import PixelContrast
from rein.models.losses.whitening import (
    InstanceWhitening,
    RelaxedInstanceWhitening,
    SelectiveInstanceWhitening,
)

__all__ = [
    'ClassContrast',
    'CovarianceMatch',
    'CrossCovariance',
    'DisentanglementContrast',
    'InstanceWhitening',
    'PixelContrast',
    'RelaxedInstanceWhitening',
    'SelectiveInstanceWhitening',
    'ThingFeatureDistance',
]
