"""Rein on the frozen tiny ViT under a light convolutional head, with maps of earlier blocks.

The head reads the last map, as in tiny_streets.py; the others are there for losses.
"""

_base_ = ['./tiny_streets.py']

model = dict(
    backbone=dict(
        out_indices=[1, 3, 5],
        pyramid=dict(scales=(1, 1, 1)),
        train='adapter',
        adapter=dict(type='ReinAdapter', token_length=32, rank=16, scale=0.01),
    ),
    decode_head=dict(in_index=2),
)
