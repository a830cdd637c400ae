"""Trains Rein on DINOv2-B with GTA5; tests on Cityscapes, BDD100K and Mapillary."""

_base_ = [
    '../_base_/models/rein_dinov2_large.py',
    '../_base_/datasets/train_gta_512.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

model = dict(
    backbone=dict(
        model='vit_base_patch14_dinov2.lvd142m',
        out_indices=[2, 5, 8, 11],
        weights=dict(source='checkpoints/dinov2_vitb14_pretrain.pth'),
    )
)
