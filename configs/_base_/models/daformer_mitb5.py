"""DAFormer's network: MiT-B5 and a head of all its maps with context, for crops of 512."""

model = dict(
    type='FoundationSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(512, 512),
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(type='MixTransformer', weights='checkpoints/mit_b5.pth'),
    decode_head=dict(
        type='DAFormerHead',
        num_classes=19,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=False),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
