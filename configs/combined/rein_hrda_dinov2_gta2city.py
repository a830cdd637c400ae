"""Trains Rein on DINOv2-L by HRDA, on GTA5 and on Cityscapes without labels; tests on Cityscapes.

The frozen body needs no feature distance: it cannot forget what it knew. Its rates are Rein's.
"""

_base_ = [
    '../_base_/models/rein_hrda_dinov2_large.py',
    '../_base_/datasets/uda_gta_1024_cityscapes.py',
    '../_base_/datasets/test_cityscapes_1024.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

model = dict(
    segmentor=dict(
        data_preprocessor=dict(size=(1024, 1024)), backbone=dict(adapter=dict(queries=None))
    )
)
custom_hooks = [
    dict(type='AnnealedTeacherHook', momentum=0.999),
    dict(type='LessonPicturesHook', interval=1000),
]
