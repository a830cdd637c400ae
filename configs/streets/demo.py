"""Trains Rein on 200 drawn scenes in the style of a game; tests on five styles it never saw.

What `make demo` runs, in a few minutes on two CPU cores. The body starts at random, so all of it
is trained.
"""

_base_ = [
    '../_base_/models/rein_small_vit.py',
    '../_base_/datasets/streets_game_to_styles.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

model = dict(
    data_preprocessor=dict(size=(128, 256)),
)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=200, by_epoch=False)]
train_cfg = dict(max_iters=200, val_interval=1000)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200, max_keep_ckpts=1))
