"""Trains DAFormer's network on GTA5 alone; tests on Cityscapes."""

_base_ = [
    '../_base_/models/daformer_mitb5.py',
    '../_base_/datasets/uda_gta_512.py',
    '../_base_/datasets/test_cityscapes_512.py',
    '../_base_/schedules/uda_40k.py',
    '../_base_/runtime/default.py',
]
