"""Pre-train on wild scenes drawn as they are needed, labelled by material and depth.

None comes twice before the millionth. The seeds lie far above those of any data set that
data_prep/streetscenes.py writes by default.
"""

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ReplaySampler', shuffle=False),
    dataset=dict(
        type='SeededDataset',
        dataset=dict(
            type='DrawnScenes',
            style='wild',
            first=2_000_000_000,
            count=1_000_000,
            size=(192, 96),
            labels='materials',
            pipeline=[dict(type='RandomFlip', prob=0.5), dict(type='PackInputs')],
        ),
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='DrawnScenes',
        style='wild',
        first=1_900_000_000,
        count=64,
        size=(192, 96),
        labels='materials',
        test_mode=True,
        pipeline=[dict(type='PackInputs')],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
