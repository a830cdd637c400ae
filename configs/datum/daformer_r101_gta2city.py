"""Trains DeepLabV2 on ResNet-101 on GTA5 and on generated images (DATUM, DAFormer); tests on Cityscapes."""

_base_ = [
    '../_base_/models/uda_daformer_r101.py',
    '../_base_/datasets/uda_gta_512_generated.py',
    '../_base_/datasets/test_cityscapes_512.py',
    '../_base_/schedules/uda_40k.py',
    '../_base_/runtime/default.py',
]

train_cfg = dict(val_interval=2000)
custom_hooks = [
    dict(type='AnnealedTeacherHook', momentum=0.999),
    dict(type='LessonPicturesHook', interval=1000),
]
