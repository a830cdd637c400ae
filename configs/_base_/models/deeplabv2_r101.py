"""DeepLabV2 on ResNet-101 as domain adaptation has it: stride 8, two dilations, for crops of 512."""

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
    backbone=dict(
        type='StyleResNet',
        depth=101,
        deep_stem=True,
        output_stride=8,
        contract_dilation=True,
        weights='checkpoints/resnet101_v1c-e67eebb6.pth',
    ),
    decode_head=dict(
        type='DeepLabV2Head',
        num_classes=19,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=False),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
