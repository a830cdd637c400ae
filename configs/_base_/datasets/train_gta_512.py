"""Train on GTA5, crops of 512: the augmentation of all the published Rein runs."""

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
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(
                    type='RandomChoiceResize',
                    scales=[int(512 * x * 0.1) for x in range(5, 21)],
                    resize_type='ResizeShortestEdge',
                    max_size=2048,
                ),
                dict(type='FastRandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),
                dict(type='RandomFlip', prob=0.5),
                dict(type='FastPhotoMetricDistortion'),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
