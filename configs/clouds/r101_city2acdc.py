"""Trains CLOUDS on a frozen CLIP ResNet-101 with Cityscapes and generated images; tests on ACDC.

The second stage: it begins with what r101_city2acdc_warm_up.py ends with.
"""

_base_ = [
    '../_base_/models/clouds_r101_selftraining.py',
    '../_base_/datasets/joint_cityscapes_768_generated.py',
    '../_base_/datasets/test_acdc_cityscapes_short1024.py',
    '../_base_/schedules/clouds_cityscapes_joint.py',
    '../_base_/runtime/default.py',
]

custom_hooks = [dict(type='TeacherHook', momentum=0.999, interval=100)]
load_from = 'work_dirs/r101_city2acdc_warm_up/iter_5000.pth'
