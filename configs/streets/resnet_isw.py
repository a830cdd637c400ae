"""Trains a small ResNet with ISW on drawn scenes of a game; tests on five unseen styles."""

_base_ = [
    '../_base_/models/streets_resnet_in.py',
    '../_base_/datasets/streets_two_views.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(
    _delete_=True,
    type='OneView',
    segmentor={{_base_.model}},
    losses=dict(isw=dict(type='SelectiveInstanceWhitening', clusters=3, loss_weight=0.6)),
)
custom_hooks = [
    dict(
        type='WhiteningMasksHook',
        begin=150,
        images=100,
        trials=5,
        pipeline={{_base_.train_dataloader.dataset.dataset.pipeline}},
    )
]
optim_wrapper = dict(optimizer=dict(lr=1e-2))
