"""Train on GTA5 alone, crops of 1024: the source of domain adaptation."""

train_dataloader = dict(
    batch_size=2,
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
                dict(type='Resize', scale=(2560, 1440), keep_ratio=True),
                dict(type='FastRandomCrop', crop_size=(1024, 1024), cat_max_ratio=0.75),
                dict(type='RandomFlip', prob=0.5),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
