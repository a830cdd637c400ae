"""Trains DAFormer on SYNTHIA and on Cityscapes without labels; tests on Cityscapes."""

_base_ = [
    '../_base_/models/uda_daformer_mitb5.py',
    '../_base_/datasets/uda_synthia_512_cityscapes.py',
    '../_base_/datasets/test_cityscapes_512_synthia.py',
    '../_base_/schedules/uda_40k.py',
    '../_base_/runtime/default.py',
]

custom_hooks = [
    dict(type='AnnealedTeacherHook', momentum=0.999),
    dict(type='LessonPicturesHook', interval=1000),
]
