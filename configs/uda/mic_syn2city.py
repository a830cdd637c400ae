"""Trains MIC, HRDA with masked images, on SYNTHIA and on Cityscapes without labels; tests on Cityscapes."""

_base_ = ['./hrda_syn2city.py']

model = dict(
    masking=dict(
        type='MaskedConsistency',
        mask=dict(type='BlockMask', block=64, ratio=0.7),
        augment=dict(type='JitterAndBlur'),
    )
)
