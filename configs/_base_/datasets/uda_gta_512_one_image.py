"""Train on GTA5, rare classes more often, and on one image of Cityscapes, crops of 512.

The image lies in data/one_shot_image, where configs/generation/datum.yaml reads it too.
Nothing is learnt in the upper and lower rows of Cityscapes, which show the lens and the car.
"""

_base_ = ['./uda_gta_512.py']

train_dataloader = dict(
    batch_size=4,
    sampler=dict(_delete_=True, type='FixedRatioSampler', ratio=(1, 1)),
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='SourceAndTarget',
            source=dict(
                type='RareClassDataset',
                dataset={{_base_.train_dataloader.dataset.dataset}},
                crop_ratio=0.5,
            ),
            target=dict(
                type='SegmentationFolder',
                data_root='data/one_shot_image',
                images='.',
                masks=None,
                domain='cityscapes',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='MarkMargins', top=30, bottom=240),
                    dict(type='Resize', scale=(1024, 512), keep_ratio=True),
                    dict(type='RandomCrop', crop_size=(512, 512)),
                    dict(type='RandomFlip', prob=0.5),
                    dict(type='PackInputs'),
                ],
            ),
        ),
    ),
)
