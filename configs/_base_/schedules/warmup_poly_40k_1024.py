"""40,000 iterations of AdamW at 6e-5: 10,000 of linear warm-up, then a polynomial (crops of 1024)."""

_base_ = ['./poly_40k.py']

optim_wrapper = dict(optimizer=dict(lr=6e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=10000, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=10000, end=40000, by_epoch=False),
]
