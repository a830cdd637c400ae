"""Train on CamVid's day drives (305 images of 480x360), crops of 256: made for a laptop."""

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ReplaySampler'),
    dataset=dict(
        type='SeededDataset',
        dataset=dict(
            type='CamVid',
            data_root='{{$CAMVID_ROOT:../shared/data/camvid}}/day',
            domain='camvid-day',
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadLabels'),
                dict(
                    type='RandomChoiceResize',
                    scales=[256, 288, 324, 360, 396, 432, 486, 540],
                    resize_type='ResizeShortestEdge',
                    max_size=1080,
                ),
                dict(type='FastRandomCrop', crop_size=(256, 256), cat_max_ratio=0.75),
                dict(type='RandomFlip', prob=0.5),
                dict(type='FastPhotoMetricDistortion'),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
