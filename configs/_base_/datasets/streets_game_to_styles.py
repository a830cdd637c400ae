"""Train on drawn street scenes in the style of a game; test on held scenes in every style.

The scenes are those of data_prep/streetscenes.py, 192x96. The mean is over the styles that
training never sees. Validation, which settings may be chosen by, is on wild scenes of other
streets, drawn as they are needed: never on a style that is tested.
"""

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ReplaySampler'),
    dataset=dict(
        type='SeededDataset',
        dataset=dict(
            type='Cityscapes',
            data_root='{{$STREETS_ROOT:data/streets}}/game',
            domain='game',
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(type='RandomResize', scale=(192, 96), ratio_range=(1.0, 1.5), keep_ratio=True),
                dict(type='FastRandomCrop', crop_size=(96, 192), cat_max_ratio=0.75),
                dict(type='RandomFlip', prob=0.5),
                dict(type='FastPhotoMetricDistortion'),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='DrawnScenes',
        style='wild',
        first=1_800_000_000,
        count=48,
        size=(192, 96),
        test_mode=True,
        pipeline=[dict(type='PackInputs')],
    ),
)
val_evaluator = dict(type='DomainIoUMetric')
test_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type='Cityscapes',
                data_root='{{$STREETS_ROOT:data/streets}}/' + style,
                split='val',
                domain=style,
                test_mode=True,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='LoadLabels'),
                    dict(type='PackInputs'),
                ],
            )
            for style in ('game', 'night', 'fog', 'rain', 'snow', 'palette')
        ],
    ),
)
test_evaluator = dict(
    type='DomainIoUMetric', mean_domains=['night', 'fog', 'rain', 'snow', 'palette']
)
