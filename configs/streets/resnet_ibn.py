"""Trains a small ResNet with IBN on drawn scenes of a game; tests on five unseen styles."""

_base_ = [
    '../_base_/models/streets_resnet.py',
    '../_base_/datasets/streets_one_view.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(
    backbone=dict(
        norms=dict(
            stem=dict(type='IN', affine=True),
            stage1=dict(type='IN', affine=True),
            stage2=dict(type='IN', affine=True),
        )
    )
)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
