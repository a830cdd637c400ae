"""Rein on the frozen tiny ViT, taught as DACS: mixed classes, weighed by how sure its average is."""

_base_ = ['./streets_rein.py']

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
