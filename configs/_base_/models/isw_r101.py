"""ISW on ResNet-101: whitening of covariances that change with style, after training on GTA5."""

_base_ = ['./deeplabv3plus_r101_in.py']

model = dict(
    _delete_=True,
    type='OneView',
    segmentor={{_base_.model}},
    losses=dict(isw=dict(type='SelectiveInstanceWhitening', clusters=3, loss_weight=0.6)),
)
