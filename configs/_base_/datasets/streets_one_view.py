"""Train on drawn street scenes in the style of a game, with the mild colours of RobustNet.

The original view of streets_two_views.py and nothing else. Tests are those of the base.
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
                    type='ColorJitter',
                    brightness=0.4,
                    contrast=0.4,
                    saturation=0.4,
                    hue=0.1,
                    prob=0.5,
                ),
                dict(type='GaussianBlur', sigma=(0.15, 0.5)),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
