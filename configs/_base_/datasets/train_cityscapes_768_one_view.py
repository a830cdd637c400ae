"""Train on Cityscapes, crops of 768, half of them around a class, in mild colours (RobustNet).

Two GPUs make the published batch of 8.
"""

_base_ = ['./train_gta_768_one_view.py']

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        dataset=dict(
            tiles='data/cityscapes/class_tiles_1024.json',
            dataset=dict(type='Cityscapes', data_root='data/cityscapes', split='train'),
        )
    ),
)
