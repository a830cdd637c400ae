"""AdamW for a few hundred iterations: a short warm-up, then down to 0 by a polynomial."""

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='TrainableOptimConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0, norm_type=2),
    paramwise_cfg=dict(
        custom_keys={
            'pos_embed': dict(decay_mult=0.0),
            'tokens': dict(decay_mult=0.0),
            'adapter.scale': dict(decay_mult=0.0),
        },
        norm_decay_mult=0.0,
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=75, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=75, end=600, by_epoch=False),
]

train_cfg = dict(type='IterBasedTrainLoop', max_iters=600, val_interval=150)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
