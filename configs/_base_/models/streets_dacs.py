"""All of the tiny ViT, taught as DACS: mixed images, weighed by how sure its average is."""

_base_ = ['./tiny_streets.py']

model = dict(
    _delete_=True,
    type='SelfTraining',
    segmentor={{_base_.model}},
    labelling=[dict(type='ConfidentShare', threshold=0.968)],
    mixing=dict(type='ClassMix'),
    augment=dict(type='JitterAndBlur'),
    teacher_statistics='batch',
    passes=dict(type='SourceThenTarget'),
)
