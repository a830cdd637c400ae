"""Trains Rein on the frozen tiny ViT, on drawn scenes of a game; tests on five unseen styles.

What `make demo` runs. The scale of the adapter begins ten times above the published 1e-3, which
hardly moves in a few hundred iterations.
"""

_base_ = [
    '../_base_/models/tiny_streets.py',
    '../_base_/datasets/streets_game_to_styles.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(
    backbone=dict(
        train='adapter', adapter=dict(type='ReinAdapter', token_length=32, rank=16, scale=0.01)
    )
)
optim_wrapper = dict(optimizer=dict(lr=1e-2))
