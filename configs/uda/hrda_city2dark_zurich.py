"""Trains HRDA on Cityscapes and on Dark Zurich without labels; tests on Dark Zurich's val."""

_base_ = [
    '../_base_/models/uda_hrda_mitb5.py',
    '../_base_/datasets/uda_cityscapes_1024_dark_zurich.py',
    '../_base_/datasets/test_dark_zurich_1024.py',
    '../_base_/schedules/uda_40k.py',
    '../_base_/runtime/default.py',
]

custom_hooks = [
    dict(type='AnnealedTeacherHook', momentum=0.999),
    dict(type='LessonPicturesHook', interval=1000),
]
