"""Trains Rein on OpenAI's CLIP ViT-L with GTA5; tests on Cityscapes, BDD100K and Mapillary."""

_base_ = [
    '../_base_/models/rein_mask2former.py',
    '../_base_/datasets/train_gta_512.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

model = dict(
    backbone=dict(
        model='vit_large_patch14_clip_quickgelu_224.openai',
        model_args=dict(img_size=512, patch_size=16, dynamic_img_size=True),
        out_indices=[7, 11, 15, 23],
        weights=dict(source='checkpoints/ViT-L-14.pt', resample='bicubic'),
        pyramid=dict(type='LearnedPyramid'),
    )
)
sync_bn = 'torch'  # the pyramid has a batch norm
