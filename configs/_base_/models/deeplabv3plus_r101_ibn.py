"""DeepLabV3+ on ResNet-101 with affine instance norms (IBN) at the places of RobustNet."""

_base_ = ['./deeplabv3plus_r101.py']

model = dict(
    backbone=dict(
        norms=dict(
            stem1=dict(type='IN', affine=True),
            stem2=dict(type='IN', affine=True),
            stage1=dict(type='IN', affine=True),
            stage2=dict(type='IN', affine=True),
        )
    )
)
