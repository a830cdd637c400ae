"""DeepLabV3+ on ShuffleNetV2 with plain instance norms at the places of RobustNet."""

_base_ = ['./deeplabv3plus_shufflenet.py']

model = dict(
    backbone=dict(norms=dict(stem=dict(type='IN'), stage2=dict(type='IN'), stage3=dict(type='IN')))
)
