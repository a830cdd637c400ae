"""Trains Rein with style losses on drawn scenes of a game; tests on five unseen styles.

The frozen tiny ViT and its head as in rein.py, and BlindNet's losses on their maps.
"""

_base_ = [
    '../_base_/models/streets_rein_styles.py',
    '../_base_/datasets/streets_two_views.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

optim_wrapper = dict(optimizer=dict(lr=1e-2))
