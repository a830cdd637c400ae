"""Trains MIC on crops of 512, DAFormer with masked images, on GTA5 and Cityscapes; tests on Cityscapes."""

_base_ = ['./daformer_gta2city.py']

model = dict(
    masking=dict(
        type='MaskedConsistency',
        mask=dict(type='BlockMask', block=32, ratio=0.7),
        augment=dict(type='JitterAndBlur'),
    )
)
