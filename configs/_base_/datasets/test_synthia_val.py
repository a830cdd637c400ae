"""Test on RobustNet's 2,820 views of SYNTHIA for validation, nothing resized; 19 and 16 classes.

Only for models that were not trained on all of SYNTHIA.
"""

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='Synthia',
        data_root='data/synthia',
        split='robustnet-val',
        test_mode=True,
        pipeline=[dict(type='LoadImage'), dict(type='LoadLabels'), dict(type='PackInputs')],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric', also=['synthia16'])
test_evaluator = val_evaluator
