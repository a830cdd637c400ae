"""Trains Rein on SAM's ViT-H with GTA5; tests on Cityscapes, BDD100K and Mapillary.

As released: only the four blocks with global attention are refined, and Rein's queries serve as
positions beside learned contents.
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
        model='samvit_huge_patch16.sa1b',
        model_args=dict(img_size=512),
        out_indices=[7, 15, 23, 31],
        adapter=dict(blocks=[7, 15, 23, 31]),
        weights=dict(source='checkpoints/sam_vit_h_4b8939.pth', resample='bicubic'),
    ),
    decode_head=dict(queries='external_position'),
)
