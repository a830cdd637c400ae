"""Test on Cityscapes, BDD100K and Mapillary val, for windows of 1024.

All images are fitted into 2048x1024, so that those of BDD100K are enlarged to 1820x1024;
Mapillary's are read from the copies of half the size. Scores are taken at the size of the labels.
As SoMA tests its models with crops of 1024.
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
                    dict(type='Resize', scale=(2048, 1024), keep_ratio=True),
                    dict(type='LoadLabels'),
                    dict(type='PackInputs'),
                ],
            )
            for source in (
                dict(type='Cityscapes', data_root='data/cityscapes', split='val'),
                dict(type='BDD100K', data_root='data/bdd100k', split='val'),
                dict(type='Mapillary', data_root='data/mapillary', split='val'),
            )
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
