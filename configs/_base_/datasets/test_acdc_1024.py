"""Test on ACDC val (1920x1080) and Cityscapes val (2048x1024), for windows of 1024.

The mean is over ACDC's four conditions.
"""

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type='ACDC',
                data_root='data/acdc',
                split='val',
                test_mode=True,
                domain='acdc-{condition}',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='Resize', scale=(1920, 1080), keep_ratio=True),
                    dict(type='LoadLabels'),
                    dict(type='PackInputs'),
                ],
            ),
            dict(
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
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='DomainIoUMetric', mean_domains=['acdc-fog', 'acdc-night', 'acdc-rain', 'acdc-snow']
)
test_evaluator = val_evaluator
