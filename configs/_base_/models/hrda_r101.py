"""DeepLabV2 on ResNet-101 at two resolutions as HRDA has it, for crops of 1024."""

_base_ = ['./deeplabv2_r101.py']

model = dict(
    type='HRDASegmentor',
    data_preprocessor=dict(size=(1024, 1024)),
    detail_size=(512, 512),
    decode_head=dict(
        _delete_=True,
        type='HRDAHead',
        output_stride=8,
        head={{_base_.model.decode_head}},
        scale_attention=dict(type='DeepLabV2Head', num_classes=19),
    ),
    test_cfg=dict(_delete_=True, mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
)
