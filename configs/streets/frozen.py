"""Trains a head on the frozen tiny ViT, on drawn scenes of a game; tests on five unseen styles."""

_base_ = [
    '../_base_/models/tiny_streets.py',
    '../_base_/datasets/streets_game_to_styles.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

optim_wrapper = dict(optimizer=dict(lr=1e-2))
