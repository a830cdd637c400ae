"""Rein on the frozen tiny ViT in two views, with the style losses of BlindNet.

The covariances are those of two early maps, normalised for the losses only.
"""

_base_ = ['./streets_rein.py']

model = dict(
    _delete_=True,
    type='TwoView',
    segmentor={{_base_.model}},
    losses=dict(
        match=dict(
            type='CovarianceMatch',
            sites={'backbone[0]': 128, 'backbone[1]': 128},
            norm='instance',
            loss_weight=0.2,
        ),
        cross=dict(
            type='CrossCovariance',
            sites={'backbone[0]': 128, 'backbone[1]': 128},
            norm='instance',
            loss_weight=0.2,
        ),
        contrast=dict(
            type='PixelContrast',
            sites={'backbone[2]': 128, 'decode_head.up_convs.1': 64},
            dims=64,
            terms=dict(
                cwcl=dict(type='ClassContrast', classes=10, samples=20, loss_weight=0.3),
                sdcl=dict(type='DisentanglementContrast', loss_weight=0.3),
            ),
        ),
    ),
)
