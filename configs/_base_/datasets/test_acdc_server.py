"""Predict ACDC test (1920x1080) for its server: 2,000 images, one zip file of train ids.

For `--test-sets` only; there is nothing to validate on.
"""

test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ACDC',
        data_root='data/acdc',
        split='test',
        labels=None,
        domain='acdc-{condition}',
        test_mode=True,
        pipeline=[dict(type='LoadImage'), dict(type='PackInputs')],
    ),
)
test_evaluator = dict(type='ACDCSubmission', out='work_dirs/acdc_submission.zip')
