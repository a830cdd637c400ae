"""40,000 iterations of AdamW at 1e-4, falling to 0 by a polynomial of power 0.9 (crops of 512).

Without weight decay: norm layers, learned queries and levels, the adapter's tokens and its
scale. On a CNN the scales are called `adapter.<stage>.scale`: the key `adapter.scale` is no
part of that, so they do decay, as they did in the reference's runs.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='TrainableOptimConstructor',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05),
    paramwise_cfg=dict(
        custom_keys={
            'norm': dict(decay_mult=0.0),
            'query_embed': dict(decay_mult=0.0),
            'level_embed': dict(decay_mult=0.0),
            'tokens': dict(decay_mult=0.0),
            'adapter.scale': dict(decay_mult=0.0),
        },
        norm_decay_mult=0.0,
    ),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=40000, by_epoch=False)]

train_cfg = dict(type='IterBasedTrainLoop', max_iters=40000, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
