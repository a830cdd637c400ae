"""Train on SYNTHIA, crops of 768, half of them around a class, two views each (BlindNet).

Its images are lower than the published tiles of 1024, in which no class would be found.
"""

_base_ = ['./train_gta_768_two_views.py']

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            tiles='data/synthia/class_tiles_380.json',
            tile=380,
            dataset=dict(type='Synthia', data_root='data/synthia'),
        )
    )
)
