"""Trains Rein on DINOv2-L with SYNTHIA; tests on Cityscapes, BDD100K and Mapillary."""

_base_ = [
    '../_base_/models/rein_dinov2_large.py',
    '../_base_/datasets/train_synthia_512.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_512_synthia.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]
