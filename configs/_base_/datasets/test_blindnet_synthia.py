"""Test as BlindNet does after training on SYNTHIA, at native sizes.

Cityscapes, BDD100K, the middle 1024x1024 of Mapillary and GTA5's part for validation, in 19 and in
SYNTHIA's 16 classes. `mean_mIoU-cbm` is over the three real ones.
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
                        dict(type='SquareView', size=1024),
                        dict(type='ScoreAtThisSize'),
                    ],
                ),
                (
                    dict(type='GTA5', data_root='data/gta', split='robustnet-val'),
                    [dict(type='LoadLabels')],
                ),
            )
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='DomainIoUMetric',
    also=['synthia16'],
    means=dict(cbm=['cityscapes', 'bdd100k', 'mapillary']),
)
test_evaluator = val_evaluator
