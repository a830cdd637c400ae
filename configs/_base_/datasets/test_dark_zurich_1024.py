"""Test on Dark Zurich val at full size (1920x1080), for windows of 1024."""

_base_ = ['./test_dark_zurich_512.py']

val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(1920, 1080), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackInputs'),
        ]
    )
)
test_dataloader = val_dataloader
