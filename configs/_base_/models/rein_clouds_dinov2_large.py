"""CLOUDS' self-training of Rein on DINOv2-L: labels of a teacher, cleaned by MobileSAM."""

_base_ = ['./rein_dinov2_large.py']

model = dict(
    _delete_=True,
    type='SelfTraining',
    segmentor={{_base_.model}},
    refiner=dict(
        type='SamRefiner',
        # 0.85 % of a crop of 512, as 5000 pixels are of one of 768.
        least=2222,
        model=dict(type='SegmentAnything', checkpoint='checkpoints/mobile_sam.pt', kind='mobile'),
    ),
)
