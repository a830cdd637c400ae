"""Trains Rein on EVA02-L with GTA5; tests on Cityscapes, BDD100K and Mapillary.

EVA02 takes images of 512x512 and no others; the windows of training and test are of that size.
"""

_base_ = [
    '../_base_/models/rein_vit_mask2former.py',
    '../_base_/datasets/train_gta_512.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

model = dict(
    backbone=dict(
        model='eva02_large_patch14_224.mim_m38m',
        model_args=dict(img_size=512, patch_size=16),
        out_indices=[7, 11, 15, 23],
        weights=dict(source='checkpoints/eva02_L_pt_m38m_p14to16.pt', resample='bicubic'),
    )
)
