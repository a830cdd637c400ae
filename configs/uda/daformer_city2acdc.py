"""Trains DAFormer on Cityscapes and on ACDC without labels; tests on ACDC's val."""

_base_ = [
    '../_base_/models/uda_daformer_mitb5.py',
    '../_base_/datasets/uda_cityscapes_512_acdc.py',
    '../_base_/datasets/test_acdc_512.py',
    '../_base_/schedules/uda_40k.py',
    '../_base_/runtime/default.py',
]

custom_hooks = [
    dict(type='AnnealedTeacherHook', momentum=0.999),
    dict(type='LessonPicturesHook', interval=1000),
]
