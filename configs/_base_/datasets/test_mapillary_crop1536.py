"""Test on the middle 1536x1536 of Mapillary val, in RobustNet's classes, as it does."""

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='Mapillary',
        data_root='data/mapillary',
        split='val',
        labels='release',
        grouping='robustnet',
        test_mode=True,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadLabels'),
            dict(type='SquareView', size=1536),
            dict(type='ScoreAtThisSize'),
            dict(type='PackInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
