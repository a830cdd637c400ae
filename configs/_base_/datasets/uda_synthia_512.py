"""Train on SYNTHIA alone, crops of 512: the source of domain adaptation."""

train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ReplaySampler'),
    dataset=dict(
        type='SeededDataset',
        dataset=dict(
            type='Synthia',
            data_root='data/synthia',
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(type='Resize', scale=(1280, 760), keep_ratio=True),
                dict(type='FastRandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),
                dict(type='RandomFlip', prob=0.5),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
