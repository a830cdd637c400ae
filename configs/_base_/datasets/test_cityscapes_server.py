"""Predict Cityscapes test (2048x1024) for its server: 1,525 images, one zip file of label ids.

For `--test-sets` only; there is nothing to validate on.
"""

test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='Cityscapes',
        data_root='data/cityscapes',
        split='test',
        labels=None,
        test_mode=True,
        pipeline=[dict(type='LoadImage'), dict(type='PackInputs')],
    ),
)
test_evaluator = dict(type='CityscapesSubmission', out='work_dirs/cityscapes_submission.zip')
