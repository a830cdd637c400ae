"""Test on Cityscapes, BDD100K and Mapillary val, for windows of 512.

Images are fitted into 1024x512, 1280x720 and 1024x512; Mapillary's are read from the copies of
half the size. Scores are taken at the size of the labels.
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
            dict(
                type='BDD100K',
                data_root='data/bdd100k',
                split='val',
                test_mode=True,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='Resize', scale=(1280, 720), keep_ratio=True),
                    dict(type='LoadLabels'),
                    dict(type='PackInputs'),
                ],
            ),
            dict(
                type='Mapillary',
                data_root='data/mapillary',
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
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
