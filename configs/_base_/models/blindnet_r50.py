"""BlindNet on ResNet-50: two views, covariances of the encoder, contrasts of the decoder."""

_base_ = ['./deeplabv3plus_r50_in.py']

model = dict(
    _delete_=True,
    type='TwoView',
    segmentor={{_base_.model}},
    losses=dict(
        match=dict(type='CovarianceMatch', loss_weight=0.2),
        cross=dict(type='CrossCovariance', loss_weight=0.2),
        contrast=dict(
            type='PixelContrast',
            sites={'backbone[3]': 2048, 'decode_head.joined': 304, 'decode_head.fusion': 256},
            terms=dict(
                cwcl=dict(type='ClassContrast', negatives='all', loss_weight=0.3),
                sdcl=dict(type='DisentanglementContrast', loss_weight=0.3),
            ),
        ),
    ),
)
