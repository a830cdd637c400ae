"""Trains ISW on ResNet-50 with SYNTHIA; tests on Cityscapes, BDD100K, Mapillary and GTA5.

Whitening begins after six passes over the data, in batches of 16.
"""

_base_ = [
    '../_base_/models/isw_r50.py',
    '../_base_/datasets/train_synthia_768_one_view.py',
    '../_base_/datasets/test_blindnet_synthia.py',
    '../_base_/schedules/sgd_poly_40k.py',
    '../_base_/runtime/default.py',
]

custom_hooks = [dict(type='WhiteningMasksHook', begin=2466)]
