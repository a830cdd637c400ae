"""Frozen foundation models as MMSegmentation backbones."""
