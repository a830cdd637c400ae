"""Trains MIC on Cityscapes and on ACDC without labels; tests on ACDC's val.

Masked are an image with labels and one without, in their own colours.
"""

_base_ = ['./hrda_city2acdc.py']

model = dict(
    masking=dict(
        type='MaskedConsistency',
        mask=dict(type='BlockMask', block=64, ratio=0.7),
        domains=('source', 'target'),
    )
)
