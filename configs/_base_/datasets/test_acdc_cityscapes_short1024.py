"""Test on ACDC and Cityscapes val with a short side of 1024, as CLOUDS does.

The labels are resized with the images (nearest) and scores are taken at that size: ACDC
1820x1024, Cityscapes 2048x1024. The mean is over ACDC's four conditions.
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
                **source,
                test_mode=True,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='LoadLabels'),
                    dict(type='ShortSide', size=1024),
                    dict(type='ScoreAtThisSize'),
                    dict(type='PackInputs'),
                ],
            )
            for source in (
                dict(type='ACDC', data_root='data/acdc', split='val', domain='acdc-{condition}'),
                dict(type='Cityscapes', data_root='data/cityscapes', split='val'),
            )
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='DomainIoUMetric', mean_domains=['acdc-fog', 'acdc-night', 'acdc-rain', 'acdc-snow']
)
test_evaluator = val_evaluator
