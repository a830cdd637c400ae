"""Trains DACS on GTA5, all images alike, and on Cityscapes without labels; tests on Cityscapes."""

_base_ = [
    '../_base_/models/uda_dacs_r101.py',
    '../_base_/datasets/uda_gta_512_cityscapes_even.py',
    '../_base_/datasets/test_cityscapes_512.py',
    '../_base_/schedules/uda_40k.py',
    '../_base_/runtime/default.py',
]

custom_hooks = [
    dict(type='AnnealedTeacherHook', momentum=0.99),
    dict(type='LessonPicturesHook', interval=1000),
]
