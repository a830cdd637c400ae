"""A frozen CLIP ResNet-101 under a plain Mask2Former head, as CLOUDS was released."""

_base_ = ['./clouds_mask2former.py']

model = dict(
    backbone=dict(
        model='resnet101_clip.openai',
        weights=dict(source='resnet101_clip.openai'),
    )
)
