"""Train on GTA5, rare classes more often, and on images of a generator, crops of 512 (DATUM)."""

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
                type='GeneratedDataset',
                data_root='data/generated/datum',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='RandomCrop', crop_size=(512, 512)),
                    dict(type='RandomFlip', prob=0.5),
                    dict(type='PackInputs'),
                ],
            ),
        ),
    ),
)
