"""Trains a small ResNet on two views of drawn scenes of a game; tests on five unseen styles.

BlindNet without its losses: what the second view alone does.
"""

_base_ = [
    '../_base_/models/streets_resnet_in.py',
    '../_base_/datasets/streets_two_views.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(_delete_=True, type='TwoView', segmentor={{_base_.model}})
optim_wrapper = dict(optimizer=dict(lr=3e-3))
