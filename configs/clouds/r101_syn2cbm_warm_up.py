"""Trains a head on a frozen CLIP ResNet-101 with SYNTHIA; tests on Cityscapes, BDD100K, Mapillary.

The first stage of CLOUDS; r101_syn2cbm.py is the second.
"""

_base_ = [
    '../_base_/models/clouds_r101.py',
    '../_base_/datasets/train_synthia_768.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_short1024.py',
    '../_base_/schedules/clouds_synthia.py',
    '../_base_/runtime/default.py',
]
