"""Test on Mapillary val, the copies of half the size as they are, in Rein's classes."""

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='Mapillary',
        data_root='data/mapillary',
        split='val',
        test_mode=True,
        pipeline=[dict(type='LoadImage'), dict(type='LoadLabels'), dict(type='PackInputs')],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
