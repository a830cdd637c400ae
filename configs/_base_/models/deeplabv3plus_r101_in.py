"""DeepLabV3+ on ResNet-101 with plain instance norms at the places of RobustNet."""

_base_ = ['./deeplabv3plus_r101.py']

model = dict(
    backbone=dict(
        norms=dict(
            stem1=dict(type='IN'),
            stem2=dict(type='IN'),
            stage1=dict(type='IN'),
            stage2=dict(type='IN'),
        )
    )
)
