"""Segmentors: how a backbone, an adapter and a head become one model."""

from rein.models.segmentors.foundation import FoundationSegmentor
from rein.models.segmentors.hrda import HRDASegmentor
from rein.models.segmentors.masked_consistency import BlockMask, MaskedConsistency
from rein.models.segmentors.mixing import ClassMix
from rein.models.segmentors.pseudo_labels import ConfidentShare, IgnoreBands, IgnoreUnsure
from rein.models.segmentors.self_training import SelfTraining
from rein.models.segmentors.strong_views import JitterAndBlur
from rein.models.segmentors.student_passes import OneBatch, SourceThenTarget
from rein.models.segmentors.two_view import JoinedPass, OneView, SeparatePasses, TwoView

__all__ = [
    'BlockMask',
    'ClassMix',
    'ConfidentShare',
    'FoundationSegmentor',
    'HRDASegmentor',
    'IgnoreBands',
    'IgnoreUnsure',
    'JitterAndBlur',
    'JoinedPass',
    'MaskedConsistency',
    'OneBatch',
    'OneView',
    'SelfTraining',
    'SeparatePasses',
    'SourceThenTarget',
    'TwoView',
]
