"""The small DeepLabV3+ with instance norms in the stem and behind the first two stages."""

_base_ = ['./streets_resnet.py']

model = dict(
    backbone=dict(norms=dict(stem=dict(type='IN'), stage1=dict(type='IN'), stage2=dict(type='IN')))
)
