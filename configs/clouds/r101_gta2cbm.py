"""Trains CLOUDS on a frozen CLIP ResNet-101 with GTA5 and generated images; tests on Cityscapes, BDD100K, Mapillary.

The second stage: it begins with what r101_gta2cbm_warm_up.py ends with.
"""

_base_ = [
    '../_base_/models/clouds_r101_selftraining.py',
    '../_base_/datasets/joint_gta_768_generated.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_short1024.py',
    '../_base_/schedules/clouds_gta.py',
    '../_base_/runtime/default.py',
]

custom_hooks = [dict(type='TeacherHook', momentum=0.999, interval=100)]
load_from = 'work_dirs/r101_gta2cbm_warm_up/iter_40000.pth'
