"""Trains the head alone on frozen DINOv2-L with GTA5; tests on Cityscapes, BDD100K and Mapillary.

The frozen baseline of Rein: no adapter, and a head that learns its own queries.
"""

_base_ = [
    '../_base_/models/rein_dinov2_large.py',
    '../_base_/datasets/train_gta_512.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

model = dict(
    backbone=dict(train='none', adapter=None),
    decode_head=dict(queries='learned'),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(query_feat=dict(decay_mult=0.0))))
