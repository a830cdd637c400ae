"""Trains a head on a frozen CLIP ResNet-101 with Cityscapes; tests on ACDC.

The first stage of CLOUDS; r101_city2acdc.py is the second.
"""

_base_ = [
    '../_base_/models/clouds_r101.py',
    '../_base_/datasets/train_cityscapes_768.py',
    '../_base_/datasets/test_acdc_cityscapes_short1024.py',
    '../_base_/schedules/clouds_cityscapes_warm_up.py',
    '../_base_/runtime/default.py',
]
