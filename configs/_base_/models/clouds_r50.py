"""A frozen CLIP ResNet-50 under a plain Mask2Former head, as CLOUDS was released."""

_base_ = ['./clouds_mask2former.py']

model = dict(
    backbone=dict(
        model='resnet50_clip.openai',
        weights=dict(source='resnet50_clip.openai'),
    )
)
