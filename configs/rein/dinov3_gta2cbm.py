"""Trains Rein on DINOv3-L with GTA5; tests on Cityscapes, BDD100K and Mapillary.

No numbers are published for this body. Its weights are under the DINOv3 licence.
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
        model='vit_large_patch16_dinov3.lvd1689m',
        model_args=dict(img_size=512),
        out_indices=[7, 11, 15, 23],
        weights=dict(source='vit_large_patch16_dinov3.lvd1689m'),
    )
)
