"""Trains BlindNet on ShuffleNetV2 with GTA5; tests on Cityscapes, BDD100K, Mapillary and SYNTHIA."""

_base_ = [
    '../_base_/models/blindnet_shufflenet.py',
    '../_base_/datasets/train_gta_768_two_views.py',
    '../_base_/datasets/test_blindnet_gta.py',
    '../_base_/schedules/sgd_poly_40k.py',
    '../_base_/runtime/default.py',
]
