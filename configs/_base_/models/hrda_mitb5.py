"""HRDA's network: DAFormer's at two resolutions, for crops of 1024."""

_base_ = ['./daformer_mitb5.py']

model = dict(
    type='HRDASegmentor',
    data_preprocessor=dict(size=(1024, 1024)),
    detail_size=(512, 512),
    decode_head=dict(
        _delete_=True,
        type='HRDAHead',
        output_stride=4,
        head={{_base_.model.decode_head}},
        scale_attention=dict(type='DAFormerHead', num_classes=19, dilations=None),
    ),
    test_cfg=dict(_delete_=True, mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
)
