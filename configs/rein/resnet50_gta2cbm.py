"""Trains Rein on ResNet-50 with GTA5; tests on Cityscapes, BDD100K and Mapillary.

Deep stem and dilated, as MMSegmentation's V1c: maps at strides 4, 8, 8, 8, and the head is told so.
"""

_base_ = [
    '../_base_/models/rein_mask2former.py',
    '../_base_/datasets/train_gta_512.py',
    '../_base_/datasets/test_cityscapes_bdd_mapillary_512.py',
    '../_base_/schedules/poly_40k.py',
    '../_base_/runtime/default.py',
]

model = dict(
    backbone=dict(
        model='resnet50c.gluon_in1k',
        model_args=dict(output_stride=8),
        weights=dict(source='resnet50c.gluon_in1k'),
    )
)
