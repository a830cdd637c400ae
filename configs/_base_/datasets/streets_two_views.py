"""Train on drawn street scenes in the style of a game, each in two views of other colours.

The recipe of RobustNet and BlindNet; blurs are as much smaller as the pictures are. Tests are those
of the base.
"""

_base_ = ['./streets_game_to_styles.py']

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(type='RandomResize', scale=(192, 96), ratio_range=(1.0, 1.5), keep_ratio=True),
                dict(type='FastRandomCrop', crop_size=(96, 192), cat_max_ratio=0.75),
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
                        dict(type='GaussianBlur', sigma=(0.15, 0.5)),
                    ],
                    restyled=[
                        dict(
                            type='ColorJitter',
                            brightness=0.8,
                            contrast=0.8,
                            saturation=0.8,
                            hue=0.3,
                        ),
                        dict(type='GaussianBlur', sigma=(0.15, 0.5)),
                    ],
                ),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
