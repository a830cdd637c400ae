"""Trains Rein and BlindNet's losses on DINOv2-L with GTA5; tests on Cityscapes, BDD100K, Mapillary."""

_base_ = [
    '../_base_/models/rein_blindnet_dinov2_large.py',
    '../_base_/datasets/train_gta_512_two_views.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]
