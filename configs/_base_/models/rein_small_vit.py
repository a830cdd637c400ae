"""Rein on a ViT of 2 M parameters with random weights, under a small Mask2Former head.

For trying the package without a download: small enough for two CPU cores, and nothing to be
measured against published numbers. A random body is worth nothing frozen, so all of it trains.
"""

_base_ = ['./rein_vit_mask2former.py']

model = dict(
    data_preprocessor=dict(size=(256, 256)),
    backbone=dict(
        model='vit_small_patch16_dinov3',
        model_args=dict(img_size=128, patch_size=8, embed_dim=144, depth=8, num_heads=4),
        out_indices=[1, 3, 5, 7],
        train='all',
        adapter=dict(token_length=40, queries=dict(dims=64)),
    ),
    decode_head=dict(
        num_queries=40,
        feat_channels=64,
        out_channels=64,
        pixel_decoder=dict(num_layers=2, num_heads=4, ffn_channels=256, scales=(2, 1, 0.5, 0.25)),
        transformer_decoder=dict(num_layers=3, num_heads=4, ffn_channels=256),
        loss_args=dict(num_points=2048),
    ),
    test_cfg=dict(_delete_=True, mode='whole'),
)
