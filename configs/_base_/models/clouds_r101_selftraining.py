"""Self-training of CLOUDS on a frozen CLIP ResNet-101: labels of a teacher, cleaned by MobileSAM."""

_base_ = ['./clouds_r101.py']

model = dict(
    _delete_=True,
    type='SelfTraining',
    segmentor={{_base_.model}},
    refiner=dict(
        type='SamRefiner',
        model=dict(type='SegmentAnything', checkpoint='checkpoints/mobile_sam.pt', kind='mobile'),
    ),
)
