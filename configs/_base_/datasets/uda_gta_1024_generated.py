"""Train on GTA5, rare classes more often, and on images of a generator, crops of 1024 (DATUM).

Images of 512 are enlarged to the size of the crops; the published runs' size is not known.
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
                type='GeneratedDataset',
                data_root='data/generated/datum',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='Resize', scale=(1024, 1024), keep_ratio=True),
                    dict(type='RandomCrop', crop_size=(1024, 1024)),
                    dict(type='RandomFlip', prob=0.5),
                    dict(type='PackInputs'),
                ],
            ),
        ),
    ),
)
