"""Trains as uda.py, but on one scene at night without labels; tests on five styles."""

_base_ = ['./uda.py']

train_dataloader = dict(dataset=dict(dataset=dict(target=dict(indices=1))))
