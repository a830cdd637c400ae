"""Rein on the frozen DINOv2-L at two resolutions, under DAFormer's head, taught as HRDA."""

_base_ = ['./rein_dinov2_large_pyramid.py']

model = dict(
    _delete_=True,
    type='SelfTraining',
    segmentor=dict(
        type='HRDASegmentor',
        data_preprocessor={{_base_.model.data_preprocessor}},
        backbone={{_base_.model.backbone}},
        decode_head=dict(
            type='HRDAHead',
            head=dict(type='DAFormerHead', num_classes=19),
            scale_attention=dict(type='DAFormerHead', num_classes=19, dilations=None),
        ),
        detail_size=(512, 512),
        train_cfg=dict(),
        test_cfg=dict(mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
    ),
    labelling=[dict(type='ConfidentShare', threshold=0.968)],
    mixing=dict(type='ClassMix', pool='batch'),
    augment=dict(type='JitterAndBlur'),
    teacher_statistics='batch',
    passes=dict(type='SourceThenTarget'),
)
