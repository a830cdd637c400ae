"""Test on Cityscapes-C at full size (2048x1024), for windows of 1024: 16 corruptions, 5 levels each.

The mean is over all 80; further means are over the kinds of corruption and over the levels. Each
has 500 images, 40,000 in all: `test_dataloader.dataset.corruptions` and `levels` choose some; then
set `test_evaluator.means=None`, since those means need all.
"""

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CityscapesC',
        data_root='data/cityscapes_c',
        split='val',
        test_mode=True,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(2048, 1024), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='DomainIoUMetric',
    means=dict(
        blur=['cityscapes-c/*_blur-*'],
        noise=['cityscapes-c/*_noise-*'],
        digital=[
            'cityscapes-c/brightness-*',
            'cityscapes-c/contrast-*',
            'cityscapes-c/saturate-*',
            'cityscapes-c/jpeg_compression-*',
        ],
        weather=[
            'cityscapes-c/snow-*',
            'cityscapes-c/spatter-*',
            'cityscapes-c/fog-*',
            'cityscapes-c/frost-*',
        ],
        level1=['*-1'],
        level2=['*-2'],
        level3=['*-3'],
        level4=['*-4'],
        level5=['*-5'],
    ),
)
test_evaluator = val_evaluator
