"""DeepLabV3+ on MobileNetV2 at output stride 16."""

_base_ = ['./deeplabv3plus_r50.py']

model = dict(
    backbone=dict(
        _delete_=True, type='StyleMobileNetV2', weights='MobileNet_V2_Weights.IMAGENET1K_V1'
    )
)
