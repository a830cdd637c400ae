"""Test on Cityscapes-C at full size (2048x1024), for windows of 1024; means as at half size."""

_base_ = ['./test_cityscapes_c_512.py']

val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=(2048, 1024), keep_ratio=True),
            dict(type='LoadLabels'),
            dict(type='PackInputs'),
        ]
    )
)
test_dataloader = val_dataloader
