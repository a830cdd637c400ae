"""Trains IBN on ShuffleNetV2 with GTA5; tests on Cityscapes, BDD100K, Mapillary and SYNTHIA."""

_base_ = [
    '../_base_/models/deeplabv3plus_shufflenet_ibn.py',
    '../_base_/datasets/train_gta_768_one_view.py',
    '../_base_/datasets/test_robustnet_gta.py',
    '../_base_/schedules/sgd_poly_40k.py',
    '../_base_/runtime/default.py',
]
