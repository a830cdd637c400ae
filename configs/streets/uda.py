"""Trains Rein on drawn scenes of a game and adapts it to 100 at night; tests on five styles."""

_base_ = [
    '../_base_/models/streets_rein_dacs.py',
    '../_base_/datasets/streets_night.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

optim_wrapper = dict(optimizer=dict(lr=1e-2))
custom_hooks = [dict(type='AnnealedTeacherHook', momentum=0.99)]
