"""Test on Cityscapes, BDD100K and Mapillary val, larger than in Rein's runs, for windows of 512.

Images are fitted into 2048x1024, 1280x720 and 2048x1024; Mapillary's are read from the copies of
half the size. Scores are taken at the size of the labels. As SoMA tests its models with crops of
512, and the baselines beside them.
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
                pipeline=[dict(type='LoadImage'), *steps, dict(type='PackInputs')],
            )
            for source, steps in (
                (
                    dict(type='Cityscapes', data_root='data/cityscapes', split='val'),
                    [
                        dict(type='Resize', scale=(2048, 1024), keep_ratio=True),
                        dict(type='LoadLabels'),
                    ],
                ),
                (
                    dict(type='BDD100K', data_root='data/bdd100k', split='val'),
                    [
                        dict(type='Resize', scale=(1280, 720), keep_ratio=True),
                        dict(type='LoadLabels'),
                    ],
                ),
                (
                    dict(type='Mapillary', data_root='data/mapillary', split='val'),
                    [
                        dict(type='Resize', scale=(2048, 1024), keep_ratio=True),
                        dict(type='LoadLabels'),
                    ],
                ),
            )
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
