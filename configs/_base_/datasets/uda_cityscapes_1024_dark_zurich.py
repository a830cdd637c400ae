"""Train on Cityscapes, rare classes more often, and on Dark Zurich without labels, crops of 1024."""

_base_ = ['./uda_cityscapes_1024_acdc.py']

train_dataloader = dict(
    dataset=dict(dataset=dict(target=dict(type='DarkZurich', data_root='data/dark_zurich')))
)
