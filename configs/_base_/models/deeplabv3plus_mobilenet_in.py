"""DeepLabV3+ on MobileNetV2 with plain instance norms at the places of RobustNet."""

_base_ = ['./deeplabv3plus_mobilenet.py']

model = dict(
    backbone=dict(norms=dict(stem=dict(type='IN'), stage1=dict(type='IN'), stage2=dict(type='IN')))
)
