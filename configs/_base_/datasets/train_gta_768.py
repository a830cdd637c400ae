"""Train on GTA5 at half to twice its size, crops of 768 in other colours (CLOUDS).

Two GPUs make the published batch of 8.
"""

train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ReplaySampler'),
    dataset=dict(
        type='SeededDataset',
        dataset=dict(
            type='GTA5',
            data_root='data/gta',
            split='clouds',
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(
                    type='RandomResize',
                    scale=(1914, 1052),
                    ratio_range=(0.5, 2.0),
                    keep_ratio=True,
                ),
                dict(type='RandomCrop', crop_size=(768, 768)),
                dict(type='FastPhotoMetricDistortion'),
                dict(type='RandomFlip', prob=0.5),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
