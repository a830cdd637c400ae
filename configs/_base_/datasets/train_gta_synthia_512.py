"""Train on GTA5 and SYNTHIA joined, without balancing, crops of 512."""

_base_ = ['./train_gta_512.py']

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='ConcatDataset',
            datasets=[
                {{_base_.train_dataloader.dataset.dataset}},
                dict(
                    type='Synthia',
                    data_root='data/synthia',
                    pipeline={{_base_.train_dataloader.dataset.dataset.pipeline}},
                ),
            ],
        )
    )
)
