"""Rein on DINOv2-L in two views, with the style losses of BlindNet.

The covariances are those of two maps in the middle of the frozen body, normalised for the losses
only, at the body's own stride of 16; the pixels that are contrasted come from its last but one map and from the pixel decoder.
"""

_base_ = ['./rein_dinov2_large.py']

model = dict(
    _delete_=True,
    type='TwoView',
    segmentor={{_base_.model}},
    losses=dict(
        match=dict(
            type='CovarianceMatch',
            sites={'backbone[0]': 1024, 'backbone[1]': 1024},
            norm='instance',
            loss_weight=0.2,
        ),
        cross=dict(
            type='CrossCovariance',
            sites={'backbone[0]': 1024, 'backbone[1]': 1024},
            norm='instance',
            loss_weight=0.2,
        ),
        contrast=dict(
            type='PixelContrast',
            sites={'backbone[2]': 1024, 'decode_head.pixel_decoder[1]': 256},
            terms=dict(
                cwcl=dict(type='ClassContrast', loss_weight=0.3),
                sdcl=dict(type='DisentanglementContrast', loss_weight=0.3),
            ),
        ),
    ),
)
