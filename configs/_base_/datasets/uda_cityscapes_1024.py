"""Train on Cityscapes alone, crops of 1024: the source of domain adaptation."""

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
            split='train',
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(type='Resize', scale=(2048, 1024), keep_ratio=True),
                dict(type='FastRandomCrop', crop_size=(1024, 1024), cat_max_ratio=0.75),
                dict(type='RandomFlip', prob=0.5),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
