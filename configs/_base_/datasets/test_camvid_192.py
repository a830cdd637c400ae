"""Test on CamVid at 192x144, about the scale of drawn streets; scored at its own 480x360.

By day (101 images) and at dusk (32), in the 11 classes it has.
"""

val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type='CamVid',
                data_root='{{$CAMVID_ROOT:../shared/data/camvid}}/' + time,
                split='val',
                domain=f'camvid-{time}',
                test_mode=True,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='Resize', scale=(192, 144)),
                    dict(type='LoadLabels'),
                    dict(type='PackInputs'),
                ],
            )
            for time in ('day', 'dusk')
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric', merge='camvid11')
test_evaluator = val_evaluator
