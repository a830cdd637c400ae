"""Rein on a plain transformer with patches of 16, under a Mask2Former head.

The body's maps are all of stride 16. The head makes its pyramid of them behind the convolutions
that reduce their channels: equal to a pyramid before the head, and a fraction of its work.
"""

_base_ = ['./rein_mask2former.py']

model = dict(
    backbone=dict(pyramid=dict(scales=(1, 1, 1, 1))),
    decode_head=dict(pixel_decoder=dict(scales=(4, 2, 1, 0.5))),
)
