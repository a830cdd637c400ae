"""Test on RobustNet's 6,382 frames of GTA5 for validation, nothing resized.

Only for models that were not trained on all of GTA5.
"""

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='GTA5',
        data_root='data/gta',
        split='robustnet-val',
        test_mode=True,
        pipeline=[dict(type='LoadImage'), dict(type='LoadLabels'), dict(type='PackInputs')],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
