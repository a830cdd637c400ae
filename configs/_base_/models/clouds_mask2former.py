"""A frozen CLIP ConvNeXt-L under a plain Mask2Former head, as CLOUDS was released.

Images are tested whole, padded to a multiple of 32.
"""

model = dict(
    type='FoundationSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
        bgr_to_rgb=True,
        size=(768, 768),
        pad_val=0,
        seg_pad_val=255,
        test_cfg=dict(size_divisor=32),
    ),
    backbone=dict(
        type='FoundationBackbone',
        model='convnext_large_mlp.clip_laion2b_ft_soup_320',
        weights=dict(source='convnext_large_mlp.clip_laion2b_ft_soup_320'),
        train='none',
    ),
    decode_head=dict(type='PlainMask2FormerHead', num_classes=19, num_queries=100),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
