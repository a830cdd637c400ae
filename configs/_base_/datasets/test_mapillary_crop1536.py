"""Test on the middle 1536x1536 of Mapillary val, in RobustNet's classes, as it does."""

_base_ = ['./test_mapillary_crop1024.py']

val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadLabels'),
            dict(type='SquareView', size=1536),
            dict(type='ScoreAtThisSize'),
            dict(type='PackInputs'),
        ]
    )
)
test_dataloader = val_dataloader
