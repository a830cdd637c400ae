"""HRDA: self-training at two resolutions of DeepLabV2 on ResNet-101."""

_base_ = ['./hrda_r101.py']

model = dict(
    _delete_=True,
    type='SelfTraining',
    segmentor=dict(
        type='OneView',
        segmentor={{_base_.model}},
        losses=dict(
            fd=dict(
                type='ThingFeatureDistance',
                reference={{_base_.model.backbone}},
                sites={'backbone[3]': 2048},
                image_scale=0.5,
            )
        ),
    ),
    labelling=[dict(type='ConfidentShare', threshold=0.968)],
    mixing=dict(type='ClassMix', pool='batch'),
    augment=dict(type='JitterAndBlur'),
    teacher_statistics='batch',
    passes=dict(type='SourceThenTarget'),
)
