"""A plain ViT of 1.2 M parameters for pictures of 192x96, under a light convolutional head.

Its weights are tracked in checkpoints/; configs/streets/pretrain_tiny.py made them.
"""

model = dict(
    type='FoundationSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(96, 192),
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='FoundationBackbone',
        model='vit_tiny_patch16_224',
        model_args=dict(
            img_size=(96, 192),
            patch_size=8,
            embed_dim=128,
            depth=6,
            num_heads=4,
            class_token=False,
            global_pool='avg',
            dynamic_img_size=True,
            weight_init='jax',
        ),
        out_indices=[5],
        pyramid=dict(scales=(1,)),
        train='none',
        weights=dict(source='checkpoints/tiny_streets.safetensors'),
    ),
    decode_head=dict(
        type='SETRUPHead',
        num_classes=19,
        channels=64,
        num_convs=2,
        up_scale=2,
        norm_cfg=dict(type='BN'),
        dropout_ratio=0.0,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
