"""Train on SYNTHIA and on 5,000 generated images without labels, 27 in 100 of a batch (CLOUDS).

The student sees generated images in other colours, the teacher as they are.
"""

_base_ = ['./train_synthia_768.py']

train_dataloader = dict(
    sampler=dict(_delete_=True, type='RepeatFactorSampler', factors=(1.0, 0.7)),
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
                    dict(type='Resize', scale=(768, 768), keep_ratio=True),
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
