"""Trains Rein on DINOv2-L with GTA5; tests on Cityscapes."""

_base_ = [
    '../_base_/models/rein_dinov2_large.py',
    '../_base_/datasets/train_gta_512.py',
    '../_base_/datasets/test_cityscapes_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]
