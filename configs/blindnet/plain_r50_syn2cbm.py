"""Trains DeepLabV3+ on ResNet-50 with SYNTHIA; tests on Cityscapes, BDD100K, Mapillary and GTA5."""

_base_ = [
    '../_base_/models/deeplabv3plus_r50.py',
    '../_base_/datasets/train_synthia_768_one_view.py',
    '../_base_/datasets/test_blindnet_synthia.py',
    '../_base_/schedules/sgd_poly_40k.py',
    '../_base_/runtime/default.py',
]
