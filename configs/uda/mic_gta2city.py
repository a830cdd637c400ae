"""Trains MIC, HRDA with masked images, on GTA5 and on Cityscapes without labels; tests on Cityscapes."""

_base_ = ['./hrda_gta2city.py']

model = dict(
    masking=dict(
        type='MaskedConsistency',
        mask=dict(type='BlockMask', block=64, ratio=0.7),
        augment=dict(type='JitterAndBlur'),
    )
)
