"""Test on Cityscapes val at full size (2048x1024), for windows of 1024."""

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='Cityscapes',
        data_root='data/cityscapes',
        split='val',
        test_mode=True,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(2048, 1024), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
