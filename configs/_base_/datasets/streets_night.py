"""Train on drawn street scenes in the style of a game, and on 100 at night without labels.

As many images of either kind in a batch, cropped alike. Tests are those of the base, on other
streets.
"""

_base_ = ['./streets_game_to_styles.py']

train_dataloader = dict(
    batch_size=8,
    sampler=dict(type='FixedRatioSampler', ratio=(1, 1)),
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='SourceAndTarget',
            source={{_base_.train_dataloader.dataset.dataset}},
            target=dict(
                type='Cityscapes',
                data_root='{{$STREETS_ROOT:data/streets}}/unlabelled/night',
                labels=None,
                domain='night',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(
                        type='RandomResize',
                        scale=(192, 96),
                        ratio_range=(1.0, 1.5),
                        keep_ratio=True,
                    ),
                    dict(type='RandomCrop', crop_size=(96, 192)),
                    dict(type='RandomFlip', prob=0.5),
                    dict(type='PackInputs'),
                ],
            ),
        ),
    ),
)
