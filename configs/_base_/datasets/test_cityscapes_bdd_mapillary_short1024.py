"""Test on Cityscapes, BDD100K and Mapillary val with a short side of 1024, as CLOUDS does.

The labels are resized with the images (nearest) and scores are taken at that size: Cityscapes
2048x1024, BDD100K 1820x1024. Mapillary has the classes of RobustNet.
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
                dict(type='Cityscapes', data_root='data/cityscapes', split='val'),
                dict(type='BDD100K', data_root='data/bdd100k', split='val'),
                dict(
                    type='Mapillary',
                    data_root='data/mapillary',
                    split='val',
                    labels='release',
                    grouping='robustnet',
                ),
            )
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
