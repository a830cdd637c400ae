"""DeepLabV3+ on a ResNet-18 of a quarter of its width, for pictures of 192x96, from scratch."""

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
        type='StyleResNet', depth=18, stem_channels=16, base_channels=16, output_stride=8
    ),
    decode_head=dict(
        type='DeepLabV3PlusHead', num_classes=19, channels=64, c1_channels=16, dilations=(2, 4, 6)
    ),
    auxiliary_head=dict(type='DeepSupervisionHead', num_classes=19, channels=32),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
