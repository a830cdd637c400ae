"""Trains Rein as rein_selftraining.py, its labels refined by point prompts; tests on five styles."""

_base_ = [
    '../_base_/models/streets_rein_refined.py',
    '../_base_/datasets/streets_unlabelled.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

optim_wrapper = dict(optimizer=dict(lr=1e-2))
custom_hooks = [dict(type='TeacherHook', momentum=0.99, interval=1, warm_up=300)]
