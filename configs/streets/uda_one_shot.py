"""Trains Rein on drawn scenes of a game and adapts it to one at night; tests on five styles."""

_base_ = ['./uda.py']

train_dataloader = dict(dataset=dict(dataset=dict(target=dict(indices=1))))
