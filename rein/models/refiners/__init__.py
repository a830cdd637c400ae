"""Refiners: what makes labels of a teacher better before a student learns from them."""

from rein.models.refiners.overlaps import EraseClassOverlaps, EraseOverlaps, SmallestWins
from rein.models.refiners.sam import SamRefiner
from rein.models.refiners.transformers_sam import TransformersSam

__all__ = ['EraseClassOverlaps', 'EraseOverlaps', 'SamRefiner', 'SmallestWins', 'TransformersSam']
