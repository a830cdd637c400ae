"""Train on GTA5, crops of 768, half of them around a class, in mild colours (RobustNet).

Two GPUs make the published batch of 16.
"""

train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ReplaySampler'),
    dataset=dict(
        type='SeededDataset',
        dataset=dict(
            type='ClassUniformDataset',
            tiles='data/gta/class_tiles_1024.json',
            tile=1024,
            dataset=dict(
                type='GTA5',
                data_root='data/gta',
                split='robustnet-train',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='LoadLabels'),
                    dict(type='ScaleAndCrop', size=768),
                    dict(type='RandomFlip', prob=0.5),
                    dict(
                        type='ColorJitter',
                        brightness=0.4,
                        contrast=0.4,
                        saturation=0.4,
                        hue=0.1,
                        prob=0.5,
                    ),
                    dict(type='GaussianBlur'),
                    dict(type='PackInputs'),
                ],
            ),
        ),
    ),
)
