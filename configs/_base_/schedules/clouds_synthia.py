"""30,000 iterations of AdamW at 1e-5, falling to 0 by a polynomial of power 0.9 (CLOUDS)."""

_base_ = ['./clouds_gta.py']

param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=30001, by_epoch=False)]

train_cfg = dict(max_iters=30000, val_interval=1500)
