"""Trains Rein on drawn scenes of a game, and on others by its own labels; tests on five styles.

The first half of the iterations is without a teacher, as the warm-up of CLOUDS.
"""

_base_ = [
    '../_base_/models/streets_rein_selftraining.py',
    '../_base_/datasets/streets_unlabelled.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

optim_wrapper = dict(optimizer=dict(lr=1e-2))
custom_hooks = [dict(type='TeacherHook', momentum=0.99, interval=1, warm_up=300)]
