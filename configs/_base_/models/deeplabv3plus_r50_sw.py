"""DeepLabV3+ on ResNet-50 with switchable whitening at the places of RobustNet."""

_base_ = ['./deeplabv3plus_r50.py']

model = dict(
    backbone=dict(
        norms=dict(
            stem=dict(type='SwitchableWhitening'),
            stage1=dict(type='SwitchableWhitening'),
            stage2=dict(type='SwitchableWhitening'),
        )
    )
)
