"""Trains as uda.py, but on 100 scenes in the look of one at night; tests on five styles.

The one is that of uda_one_shot.py. The others show other streets: they stand for images of a
generator that was personalised by it.
"""

_base_ = ['./uda.py']

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            target=dict(
                _delete_=True,
                type='DrawnScenes',
                style='night',
                first=6_000_000,
                count=100,
                look=2_000_000,
                labels=None,
                size=(192, 96),
                pipeline=[
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
        )
    )
)
