"""Trains a head on a frozen CLIP ResNet-101 with GTA5; tests on Cityscapes, BDD100K, Mapillary.

The first stage of CLOUDS; r101_gta2cbm.py is the second.
"""

_base_ = [
    '../_base_/models/clouds_r101.py',
    '../_base_/datasets/train_gta_768.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_short1024.py',
    '../_base_/schedules/clouds_gta.py',
    '../_base_/runtime/default.py',
]
