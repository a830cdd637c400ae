"""Test on held images of CamVid by day (101) and at dusk (32), in the 11 classes it has."""

val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type='CamVid',
                data_root='{{$CAMVID_ROOT:../shared/data/camvid}}/day',
                split='val',
                domain='camvid-day',
                test_mode=True,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='LoadLabels'),
                    dict(type='PackInputs'),
                ],
            ),
            dict(
                type='CamVid',
                data_root='{{$CAMVID_ROOT:../shared/data/camvid}}/dusk',
                split='val',
                domain='camvid-dusk',
                test_mode=True,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='LoadLabels'),
                    dict(type='PackInputs'),
                ],
            ),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric', merge='camvid11')
test_evaluator = val_evaluator
