"""Trains a head on a frozen CLIP ConvNeXt-L with Cityscapes; tests on ACDC.

The first stage of CLOUDS; convnext_city2acdc.py is the second.
"""

_base_ = [
    '../_base_/models/clouds_mask2former.py',
    '../_base_/datasets/train_cityscapes_768.py',
    '../_base_/datasets/test_acdc_cityscapes_short1024.py',
    '../_base_/schedules/clouds_cityscapes_warm_up.py',
    '../_base_/runtime/default.py',
]
