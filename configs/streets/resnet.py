"""Trains a small ResNet from scratch on drawn scenes of a game; tests on five unseen styles."""

_base_ = [
    '../_base_/models/streets_resnet.py',
    '../_base_/datasets/streets_one_view.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

optim_wrapper = dict(optimizer=dict(lr=1e-3))
