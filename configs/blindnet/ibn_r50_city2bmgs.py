"""Trains IBN on ResNet-50 with Cityscapes; tests on BDD100K, Mapillary, GTA5 and SYNTHIA."""

_base_ = [
    '../_base_/models/deeplabv3plus_r50_ibn.py',
    '../_base_/datasets/train_cityscapes_768_one_view.py',
    '../_base_/datasets/test_robustnet_cityscapes.py',
    '../_base_/schedules/sgd_poly_40k.py',
    '../_base_/runtime/default.py',
]
