"""Trains MIC on Cityscapes and on Dark Zurich without labels; tests on Dark Zurich's val.

Masked are an image with labels and one without, in their own colours.
"""

_base_ = ['./hrda_city2dark_zurich.py']

model = dict(
    masking=dict(
        type='MaskedConsistency',
        mask=dict(type='BlockMask', block=64, ratio=0.7),
        domains=('source', 'target'),
    )
)
