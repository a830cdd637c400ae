"""Train on drawn street scenes in the style of a game, and on others in five styles without labels.

Two labelled images come with one of the others. The student sees those in other colours. Tests are
those of the base, on other streets in the same styles.
"""

_base_ = ['./streets_game_to_styles.py']

train_dataloader = dict(
    batch_size=6,
    sampler=dict(type='FixedRatioSampler', ratio=(2, 1)),
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='SourceAndTarget',
            source={{_base_.train_dataloader.dataset.dataset}},
            target=dict(
                type='ConcatDataset',
                datasets=[
                    dict(
                        type='Cityscapes',
                        data_root='{{$STREETS_ROOT:data/streets}}/unlabelled/' + style,
                        labels=None,
                        domain=style,
                        pipeline=[
                            dict(type='LoadImage'),
                            dict(type='RandomFlip', prob=0.5),
                            dict(
                                type='TwoViews',
                                original=[],
                                restyled=[dict(type='FastPhotoMetricDistortion')],
                            ),
                            dict(type='PackInputs'),
                        ],
                    )
                    for style in ('night', 'fog', 'rain', 'snow', 'palette')
                ],
            ),
        ),
    ),
)
