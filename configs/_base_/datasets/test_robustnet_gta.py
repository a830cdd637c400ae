"""Test as RobustNet does after training on GTA5, at native sizes.

Cityscapes, BDD100K, the middle 1536x1536 of Mapillary and SYNTHIA's part for validation, in 19
classes. `mean_mIoU-cbm` is over the three real ones.
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
                    [dict(type='LoadLabels')],
                ),
                (
                    dict(type='BDD100K', data_root='data/bdd100k', split='val'),
                    [dict(type='LoadLabels')],
                ),
                (
                    dict(
                        type='Mapillary',
                        data_root='data/mapillary',
                        split='val',
                        labels='release',
                        grouping='robustnet',
                    ),
                    [
                        dict(type='LoadLabels'),
                        dict(type='SquareView', size=1536),
                        dict(type='ScoreAtThisSize'),
                    ],
                ),
                (
                    dict(type='Synthia', data_root='data/synthia', split='robustnet-val'),
                    [dict(type='LoadLabels')],
                ),
            )
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric', means=dict(cbm=['cityscapes', 'bdd100k', 'mapillary']))
test_evaluator = val_evaluator
