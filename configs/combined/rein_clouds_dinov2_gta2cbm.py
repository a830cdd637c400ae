"""Trains Rein on DINOv2-L by CLOUDS' recipe with GTA5; tests on Cityscapes, BDD100K, Mapillary.

It begins with what configs/rein/dinov2_gta2cbm.py ends with, and trains half as long.
"""

_base_ = [
    '../_base_/models/rein_clouds_dinov2_large.py',
    '../_base_/datasets/joint_gta_512_generated.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=20000, by_epoch=False)]
train_cfg = dict(max_iters=20000)
custom_hooks = [dict(type='TeacherHook', momentum=0.999, interval=100)]
load_from = 'work_dirs/dinov2_gta2cbm/iter_40000.pth'
