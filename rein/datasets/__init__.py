"""Driving data sets, their classes, and the transforms and samplers that read them."""

from rein.datasets.drawn import DrawnScenes
from rein.datasets.driving import (
    ACDC,
    BDD100K,
    GTA5,
    CamVid,
    Cityscapes,
    DarkZurich,
    Mapillary,
    Synthia,
    UrbanSyn,
)
from rein.datasets.folder import SegmentationFolder
from rein.datasets.sampling import ReplaySampler, SeededDataset
from rein.datasets.transforms import LoadImage, LoadLabels, PackInputs

__all__ = [
    'ACDC',
    'BDD100K',
    'GTA5',
    'CamVid',
    'Cityscapes',
    'DarkZurich',
    'DrawnScenes',
    'LoadImage',
    'LoadLabels',
    'Mapillary',
    'PackInputs',
    'ReplaySampler',
    'SeededDataset',
    'SegmentationFolder',
    'Synthia',
    'UrbanSyn',
]
