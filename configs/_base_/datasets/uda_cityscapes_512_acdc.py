"""Train on Cityscapes, rare classes more often, and on ACDC without labels, crops of 512."""

_base_ = ['./uda_cityscapes_512.py']

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
                crop_ratio=0.5,
            ),
            target=dict(
                type='ACDC',
                data_root='data/acdc',
                split='train',
                labels=None,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='Resize', scale=(960, 540), keep_ratio=True),
                    dict(type='RandomCrop', crop_size=(512, 512)),
                    dict(type='RandomFlip', prob=0.5),
                    dict(type='PackInputs'),
                ],
            ),
        ),
    ),
)
