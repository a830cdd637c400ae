"""Trains Rein on ConvNeXt-L with GTA5; tests on Cityscapes, BDD100K and Mapillary."""

_base_ = [
    '../_base_/models/rein_mask2former.py',
    '../_base_/datasets/train_gta_512.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

model = dict(
    backbone=dict(model='convnext_large.fb_in22k', weights=dict(source='convnext_large.fb_in22k'))
)
