"""Train on GTA5, rare classes more often, and on Cityscapes without labels, crops of 512.

Nothing is learnt in the upper and lower rows of Cityscapes: 15 and 120 of those of a crop.
"""

_base_ = ['./uda_gta_512_cityscapes_even.py']

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            source=dict(
                _delete_=True,
                type='RareClassDataset',
                dataset={{_base_.train_dataloader.dataset.dataset.source}},
                crop_ratio=0.5,
            )
        )
    )
)
