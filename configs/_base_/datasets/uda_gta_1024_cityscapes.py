"""Train on GTA5, rare classes more often, and on Cityscapes without labels, crops of 1024.

Nothing is learnt in the margins of Cityscapes, which show the car and what the lens bends.
"""

_base_ = ['./uda_gta_1024.py']

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
                type='Cityscapes',
                data_root='data/cityscapes',
                split='train',
                labels=None,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='MarkMargins', top=30, bottom=240, left=30, right=30),
                    dict(type='Resize', scale=(2048, 1024), keep_ratio=True),
                    dict(type='RandomCrop', crop_size=(1024, 1024)),
                    dict(type='RandomFlip', prob=0.5),
                    dict(type='PackInputs'),
                ],
            ),
        ),
    ),
)
