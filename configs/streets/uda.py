"""Trains all of the tiny ViT on drawn scenes of a game and on 100 at night without labels; tests on five styles.

Settings are those of full.py and of DACS; nothing was searched.
"""

_base_ = [
    '../_base_/models/streets_dacs.py',
    '../_base_/datasets/streets_night.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(segmentor=dict(backbone=dict(train='all')))
optim_wrapper = dict(
    optimizer=dict(lr=3e-5),
    paramwise_cfg=dict(
        custom_keys={
            'decode_head': dict(lr_mult=100.0),
            'decode_head.norm': dict(lr_mult=100.0, decay_mult=0.0),
            'decode_head.up_convs.0.0.bn': dict(lr_mult=100.0, decay_mult=0.0),
            'decode_head.up_convs.1.0.bn': dict(lr_mult=100.0, decay_mult=0.0),
        }
    ),
)
custom_hooks = [dict(type='AnnealedTeacherHook', momentum=0.99)]
