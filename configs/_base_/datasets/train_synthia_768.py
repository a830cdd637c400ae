"""Train on SYNTHIA at half to twice its size, crops of 768 in other colours (CLOUDS)."""

_base_ = ['./train_gta_768.py']

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='Synthia',
            data_root='data/synthia',
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(
                    type='RandomResize',
                    scale=(1280, 760),
                    ratio_range=(0.5, 2.0),
                    keep_ratio=True,
                ),
                dict(type='RandomCrop', crop_size=(768, 768)),
                dict(type='FastPhotoMetricDistortion'),
                dict(type='RandomFlip', prob=0.5),
                dict(type='PackInputs'),
            ],
        )
    )
)
