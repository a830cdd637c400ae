"""Trains a tiny ViT on wild drawn scenes, to tell materials and depth; tests on held ones.

What tools/pretrain_tiny.py runs. No class of driving scenes is a label here, and no style that
is tested later is drawn.
"""

_base_ = [
    '../_base_/models/tiny_streets.py',
    '../_base_/datasets/streets_wild_materials.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(
    backbone=dict(train='all', weights=None),
    decode_head=dict(num_classes=22),
    auxiliary_head=dict(
        type='LogDepthHead',
        in_channels=128,
        channels=32,
        num_convs=2,
        up_scale=2,
        norm_cfg=dict(type='BN'),
        dropout_ratio=0.0,
        loss_weight=0.5,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3, betas=(0.9, 0.95)))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=50, end=3400, by_epoch=False),
]
train_cfg = dict(max_iters=3400, val_interval=850)
default_hooks = dict(checkpoint=dict(interval=200))
