"""Trains Rein on DINOv2-L with Cityscapes in crops of 1024; tests on ACDC's four weathers.

The published run had eight images a step: four GPUs with two each. Start it with `--launcher
pytorch` under `torchrun --nproc-per-node 4`, or lower the learning rate with the batch.
"""

_base_ = [
    '../_base_/models/rein_dinov2_large.py',
    '../_base_/datasets/train_cityscapes_1024.py',
    '../_base_/datasets/test_acdc_1024.py',
    '../_base_/schedules/warmup_poly_40k_1024.py',
    '../_base_/runtime/default.py',
]

model = dict(
    data_preprocessor=dict(size=(1024, 1024)),
    backbone=dict(model_args=dict(img_size=1024)),
    test_cfg=dict(crop_size=(1024, 1024), stride=(683, 683), window_batch=2),
)
