"""Refiners: what makes labels of a teacher better before a student learns from them."""

from rein.models.refiners.boxes import BoxRefiner
from rein.models.refiners.overlaps import EraseClassOverlaps, EraseOverlaps, SmallestWins
from rein.models.refiners.sam import SamRefiner
from rein.models.refiners.scripted_sam import ScriptedSam
from rein.models.refiners.segment_anything import SegmentAnything
from rein.models.refiners.transformers_sam import TransformersSam, TransformersSam2
from rein.models.refiners.vote import MajorityVote

__all__ = [
    'BoxRefiner',
    'EraseClassOverlaps',
    'EraseOverlaps',
    'MajorityVote',
    'SamRefiner',
    'ScriptedSam',
    'SegmentAnything',
    'SmallestWins',
    'TransformersSam',
    'TransformersSam2',
]
