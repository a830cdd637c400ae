"""Trains Rein on two views of drawn scenes of a game; tests on five unseen styles.

The frozen tiny ViT and its head as in rein.py, without losses that compare the views.
"""

_base_ = [
    '../_base_/models/streets_rein.py',
    '../_base_/datasets/streets_two_views.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(_delete_=True, type='TwoView', segmentor={{_base_.model}})
optim_wrapper = dict(optimizer=dict(lr=1e-2))
