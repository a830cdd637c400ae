"""Procedural driving scenes with exact labels of 19 classes, in several styles."""

from rein.datasets.streetscenes.picture import look, paint, render
from rein.datasets.streetscenes.styles import STYLES

__all__ = ['STYLES', 'look', 'paint', 'render']
