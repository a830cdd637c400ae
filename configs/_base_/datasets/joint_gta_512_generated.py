"""Train on GTA5 as Rein does and on generated images without labels, one in four (CLOUDS).

Generated images of 768 are made 512 for it.
"""

_base_ = ['./train_gta_512.py']

train_dataloader = dict(
    sampler=dict(_delete_=True, type='FixedRatioSampler', ratio=(3, 1)),
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='SourceAndTarget',
            source={{_base_.train_dataloader.dataset.dataset}},
            target=dict(
                type='GeneratedDataset',
                data_root='data/generated/clouds',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='Resize', scale=(512, 512), keep_ratio=True),
                    dict(type='RandomFlip', prob=0.5),
                    dict(
                        type='TwoViews',
                        original=[],
                        restyled=[dict(type='FastPhotoMetricDistortion')],
                    ),
                    dict(type='PackInputs'),
                ],
            ),
        )
    ),
)
