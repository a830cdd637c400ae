"""Trains ISW on MobileNetV2 with GTA5; tests on Cityscapes, BDD100K, Mapillary and SYNTHIA.

Whitening begins after six passes over the data, in batches of 16.
"""

_base_ = [
    '../_base_/models/isw_mobilenet.py',
    '../_base_/datasets/train_gta_768_one_view.py',
    '../_base_/datasets/test_robustnet_gta.py',
    '../_base_/schedules/sgd_poly_40k.py',
    '../_base_/runtime/default.py',
]

custom_hooks = [dict(type='WhiteningMasksHook', begin=4644)]
