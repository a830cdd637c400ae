"""Rein on DINOv2-L whose maps leave the backbone as a pyramid, for heads that make none."""

_base_ = ['./rein_dinov2_large.py']

model = dict(backbone=dict(pyramid=dict(scales=(4, 2, 1, 0.5))))
