"""Train on Cityscapes, crops of 768, half of them around a class, two views each (BlindNet).

Two GPUs make the published batch of 8.
"""

_base_ = ['./train_gta_768_two_views.py']

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            tiles='data/cityscapes/class_tiles_1024.json',
            dataset=dict(type='Cityscapes', data_root='data/cityscapes', split='train'),
        )
    ),
)
