"""5,000 iterations of AdamW at a constant 1e-4 (CLOUDS on Cityscapes)."""

_base_ = ['./clouds_gta.py']

optim_wrapper = dict(optimizer=dict(lr=1e-4))

train_cfg = dict(max_iters=5000, val_interval=500)
