"""Test on Cityscapes, BDD100K and Mapillary val, nothing resized.

Mapillary is read from the release, up to more than 20 million pixels an image.
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
                pipeline=[dict(type='LoadImage'), dict(type='LoadLabels'), dict(type='PackInputs')],
            )
            for source in (
                dict(type='Cityscapes', data_root='data/cityscapes', split='val'),
                dict(type='BDD100K', data_root='data/bdd100k', split='val'),
                dict(type='Mapillary', data_root='data/mapillary', split='val', labels='release'),
            )
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
