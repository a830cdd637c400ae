"""DeepLabV3+ on ResNet-50 at output stride 16, as RobustNet and BlindNet have it."""

model = dict(
    type='FoundationSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(768, 768),
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(type='StyleResNet', depth=50, weights='ResNet50_Weights.IMAGENET1K_V1'),
    decode_head=dict(type='DeepLabV3PlusHead', num_classes=19),
    auxiliary_head=dict(type='DeepSupervisionHead', num_classes=19),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
sync_bn = 'torch'
