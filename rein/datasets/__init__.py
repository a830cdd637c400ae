"""Driving data sets, their classes, and the transforms and samplers that read them."""

from rein.datasets.adverse import ACDC, CityscapesC, DarkZurich
from rein.datasets.class_uniform import ClassUniformDataset
from rein.datasets.domains import FixedRatioSampler, RepeatFactorSampler, SourceAndTarget
from rein.datasets.drawn import DrawnScenes
from rein.datasets.driving import (
    BDD100K,
    GTA5,
    CamVid,
    Cityscapes,
    Mapillary,
    Synthia,
    UrbanSyn,
)
from rein.datasets.fast_steps import FastPhotoMetricDistortion, FastRandomCrop
from rein.datasets.folder import SegmentationFolder
from rein.datasets.generated import GeneratedDataset
from rein.datasets.pseudo_labels import PseudoLabelled
from rein.datasets.rare_class import RareClassDataset
from rein.datasets.sampling import ReplaySampler, SeededDataset
from rein.datasets.scale_crop import ScaleAndCrop
from rein.datasets.scored_size import ScoreAtThisSize, ShortSide, SquareView
from rein.datasets.transforms import LoadImage, LoadLabels, MarkMargins, PackInputs
from rein.datasets.views import ColorJitter, GaussianBlur, TwoViews

__all__ = [
    'ACDC',
    'BDD100K',
    'GTA5',
    'CamVid',
    'Cityscapes',
    'CityscapesC',
    'ClassUniformDataset',
    'ColorJitter',
    'DarkZurich',
    'DrawnScenes',
    'FastPhotoMetricDistortion',
    'FastRandomCrop',
    'FixedRatioSampler',
    'GaussianBlur',
    'GeneratedDataset',
    'LoadImage',
    'LoadLabels',
    'Mapillary',
    'MarkMargins',
    'PackInputs',
    'PseudoLabelled',
    'RareClassDataset',
    'RepeatFactorSampler',
    'ReplaySampler',
    'ScaleAndCrop',
    'ScoreAtThisSize',
    'SeededDataset',
    'SegmentationFolder',
    'ShortSide',
    'SourceAndTarget',
    'SquareView',
    'Synthia',
    'TwoViews',
    'UrbanSyn',
]
