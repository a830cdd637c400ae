"""Trains Rein on DINOv2-L with Cityscapes in crops of 512; tests on ACDC's four weathers at 960x540."""

_base_ = [
    '../_base_/models/rein_dinov2_large.py',
    '../_base_/datasets/train_cityscapes_512.py',
    '../_base_/datasets/test_acdc_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]
