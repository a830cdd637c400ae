"""Train on GTA5, rare classes more often, and on Cityscapes without labels, crops of 512.

Nothing is learnt in the upper and lower rows of Cityscapes: 15 and 120 of those of a crop.
"""

_base_ = ['./uda_gta_512.py']

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
                type='Cityscapes',
                data_root='data/cityscapes',
                split='train',
                labels=None,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='MarkMargins', top=30, bottom=240),
                    dict(type='Resize', scale=(1024, 512), keep_ratio=True),
                    dict(type='RandomCrop', crop_size=(512, 512)),
                    dict(type='RandomFlip', prob=0.5),
                    dict(type='PackInputs'),
                ],
            ),
        ),
    ),
)
