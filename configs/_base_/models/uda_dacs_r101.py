"""DACS: mixed images and an average of the network, DeepLabV2 on ResNet-101."""

_base_ = ['./deeplabv2_r101.py']

model = dict(
    _delete_=True,
    type='SelfTraining',
    segmentor={{_base_.model}},
    labelling=[dict(type='ConfidentShare', threshold=0.968)],
    mixing=dict(type='ClassMix', pool='batch'),
    augment=dict(type='JitterAndBlur'),
    teacher_statistics='batch',
    passes=dict(type='SourceThenTarget'),
)
