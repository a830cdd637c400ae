"""Trains Rein on CamVid's day drives; tests on held images by day and at dusk, in 11 classes.

For a laptop: a small ViT, 400 iterations of four crops of 256. There is no foundation model in
it: the ViT starts at random, so all of it is trained, and the numbers say that the parts work
together on real images, not how well Rein generalises.
"""

_base_ = [
    '../_base_/models/rein_small_vit.py',
    '../_base_/datasets/train_camvid_day.py',
    '../_base_/datasets/test_camvid.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=400, by_epoch=False)]
train_cfg = dict(max_iters=400, val_interval=200)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
