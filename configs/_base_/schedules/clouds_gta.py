"""40,000 iterations of AdamW at a constant 1e-5, gradients clipped to a norm of 0.01 (CLOUDS).

Without weight decay: norm layers and the learned queries and levels of the decoder.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='TrainableOptimConstructor',
    optimizer=dict(type='AdamW', lr=1e-5, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01, norm_type=2),
    paramwise_cfg=dict(
        custom_keys={
            'query_embed': dict(decay_mult=0.0),
            'query_feat': dict(decay_mult=0.0),
            'level_embed': dict(decay_mult=0.0),
        },
        norm_decay_mult=0.0,
    ),
)
param_scheduler = []

train_cfg = dict(type='IterBasedTrainLoop', max_iters=40000, val_interval=4000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
