"""Trains ISW on ResNet-50 with Cityscapes; tests on BDD100K, Mapillary, GTA5 and SYNTHIA.

Whitening begins after six passes over the data, in batches of 8.
"""

_base_ = [
    '../_base_/models/isw_r50.py',
    '../_base_/datasets/train_cityscapes_768_one_view.py',
    '../_base_/datasets/test_robustnet_cityscapes.py',
    '../_base_/schedules/sgd_poly_40k.py',
    '../_base_/runtime/default.py',
]

model = dict(losses=dict(isw=dict(clusters=2)))
custom_hooks = [dict(type='WhiteningMasksHook', begin=2226)]
