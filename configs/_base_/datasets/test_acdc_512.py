"""Test on ACDC val (fitted into 960x540) and Cityscapes val (1024x512), for windows of 512.

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
                    dict(type='Resize', scale=(960, 540), keep_ratio=True),
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
                    dict(type='Resize', scale=(1024, 512), keep_ratio=True),
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
