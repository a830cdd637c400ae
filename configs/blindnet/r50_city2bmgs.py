"""Trains BlindNet on ResNet-50 with Cityscapes; tests on BDD100K, Mapillary, GTA5 and SYNTHIA."""

_base_ = [
    '../_base_/models/blindnet_r50.py',
    '../_base_/datasets/train_cityscapes_768_two_views.py',
    '../_base_/datasets/test_blindnet_cityscapes.py',
    '../_base_/schedules/sgd_poly_40k.py',
    '../_base_/runtime/default.py',
]
