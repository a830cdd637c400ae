"""Train on Cityscapes, crops of 1024, two of them in each process (published: 4 processes)."""

train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ReplaySampler'),
    dataset=dict(
        type='SeededDataset',
        dataset=dict(
            type='Cityscapes',
            data_root='data/cityscapes',
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(
                    type='RandomChoiceResize',
                    scales=[int(1024 * x * 0.1) for x in range(5, 21)],
                    resize_type='ResizeShortestEdge',
                    max_size=4096,
                ),
                dict(type='FastRandomCrop', crop_size=(1024, 1024), cat_max_ratio=0.75),
                dict(type='RandomFlip', prob=0.5),
                dict(type='FastPhotoMetricDistortion'),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
