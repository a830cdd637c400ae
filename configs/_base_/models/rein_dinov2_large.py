"""Rein on DINOv2-L, its patches of 14 resampled to 16 the way the released adapters saw them."""

_base_ = ['./rein_vit_mask2former.py']

model = dict(
    backbone=dict(
        model='vit_large_patch14_dinov2.lvd142m',
        model_args=dict(img_size=512, patch_size=16, dynamic_img_size=True),
        out_indices=[7, 11, 15, 23],
        weights=dict(source='checkpoints/dinov2_vitl14_pretrain.pth', resample='bicubic'),
    )
)
