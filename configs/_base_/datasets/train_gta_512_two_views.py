"""Train on GTA5, crops of 512 in two views: Rein's geometry, the colours of BlindNet."""

_base_ = ['./train_gta_512.py']

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(
                    type='RandomChoiceResize',
                    scales=[int(512 * x * 0.1) for x in range(5, 21)],
                    resize_type='ResizeShortestEdge',
                    max_size=2048,
                ),
                dict(type='FastRandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),
                dict(type='RandomFlip', prob=0.5),
                dict(
                    type='TwoViews',
                    original=[
                        dict(
                            type='ColorJitter',
                            brightness=0.4,
                            contrast=0.4,
                            saturation=0.4,
                            hue=0.1,
                            prob=0.5,
                        ),
                        dict(type='GaussianBlur'),
                    ],
                    restyled=[
                        dict(
                            type='ColorJitter',
                            brightness=0.8,
                            contrast=0.8,
                            saturation=0.8,
                            hue=0.3,
                        ),
                        dict(type='GaussianBlur'),
                    ],
                ),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
