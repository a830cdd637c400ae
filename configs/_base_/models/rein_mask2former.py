"""A frozen body refined by Rein, under a Mask2Former head that takes its queries from Rein.

A config adds the body: `model.backbone.model`, `model_args`, `out_indices` and `weights`. What
follows from the body (channels, strides, depth) is worked out when the model is built.
"""

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
        type='FoundationBackbone',
        train='adapter',
        adapter=dict(
            type='ReinAdapter',
            token_length=100,
            rank=16,
            scale=0.001,
            queries=dict(type='TokenQueries', dims=256),
        ),
    ),
    decode_head=dict(
        type='PlainMask2FormerHead', num_classes=19, num_queries=100, queries='external'
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341), window_batch='auto'),
)
