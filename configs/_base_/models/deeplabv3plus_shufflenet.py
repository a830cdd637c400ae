"""DeepLabV3+ on ShuffleNetV2 at output stride 16."""

_base_ = ['./deeplabv3plus_r50.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='StyleShuffleNetV2',
        weights='ShuffleNet_V2_X1_0_Weights.IMAGENET1K_V1',
    )
)
