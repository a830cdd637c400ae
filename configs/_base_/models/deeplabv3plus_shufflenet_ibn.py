"""DeepLabV3+ on ShuffleNetV2 with affine instance norms (IBN) at the places of RobustNet."""

_base_ = ['./deeplabv3plus_shufflenet.py']

model = dict(
    backbone=dict(
        norms=dict(
            stem=dict(type='IN', affine=True),
            stage2=dict(type='IN', affine=True),
            stage3=dict(type='IN', affine=True),
        )
    )
)
