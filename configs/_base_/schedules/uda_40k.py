"""40,000 iterations of AdamW at 6e-5 (head: 6e-4), rising for 1,500 and falling to 0 (DAFormer, HRDA, MIC).

Without weight decay: the norm layers of the transformer, those behind its stages among them, whose
names in MMSegmentation have no `norm` in them.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='TrainableOptimConstructor',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01),
    paramwise_cfg=dict(
        custom_keys={
            'head': dict(lr_mult=10.0),
            'norm': dict(decay_mult=0.0),
            'backbone.layers.0.2': dict(decay_mult=0.0),
            'backbone.layers.1.2': dict(decay_mult=0.0),
            'backbone.layers.2.2': dict(decay_mult=0.0),
            'backbone.layers.3.2': dict(decay_mult=0.0),
        },
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=1501, by_epoch=False),
    dict(type='PolyLR', power=1.0, eta_min=0.0, begin=0, end=40001, by_epoch=False),
]

train_cfg = dict(type='IterBasedTrainLoop', max_iters=40000, val_interval=4000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
