"""DeepLabV3+ on ResNet-101 with three convolutions in the stem, at output stride 16."""

_base_ = ['./deeplabv3plus_r50.py']

model = dict(
    backbone=dict(
        depth=101,
        deep_stem=True,
        stem_channels=128,
        weights='checkpoints/resnet101-imagenet.pth',
    )
)
