"""Trains a small ResNet by BlindNet on drawn scenes of a game; tests on five unseen styles."""

_base_ = [
    '../_base_/models/streets_resnet_in.py',
    '../_base_/datasets/streets_two_views.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(
    _delete_=True,
    type='TwoView',
    segmentor={{_base_.model}},
    losses=dict(
        match=dict(type='CovarianceMatch', loss_weight=0.2),
        cross=dict(type='CrossCovariance', loss_weight=0.2),
        contrast=dict(
            type='PixelContrast',
            sites={'backbone[3]': 128, 'decode_head.joined': 80, 'decode_head.fusion': 64},
            dims=64,
            terms=dict(
                cwcl=dict(type='ClassContrast', classes=10, samples=20, loss_weight=0.3),
                sdcl=dict(type='DisentanglementContrast', loss_weight=0.3),
            ),
        ),
    ),
)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
