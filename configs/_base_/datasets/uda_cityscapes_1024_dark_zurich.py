"""Train on Cityscapes, rare classes more often, and on Dark Zurich without labels, crops of 1024."""

_base_ = ['./uda_cityscapes_1024.py']

train_dataloader = dict(
    batch_size=4,
    sampler=dict(_delete_=True, type='FixedRatioSampler', ratio=(1, 1)),
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='SourceAndTarget',
            source=dict(
                type='RareClassDataset',
                dataset={{_base_.train_dataloader.dataset.dataset}},
                crop_ratio=2.0,
            ),
            target=dict(
                type='DarkZurich',
                data_root='data/dark_zurich',
                split='train',
                labels=None,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='Resize', scale=(1920, 1080), keep_ratio=True),
                    dict(type='RandomCrop', crop_size=(1024, 1024)),
                    dict(type='RandomFlip', prob=0.5),
                    dict(type='PackInputs'),
                ],
            ),
        ),
    ),
)
