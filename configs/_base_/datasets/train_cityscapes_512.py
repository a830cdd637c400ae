"""Train on Cityscapes, crops of 512."""

_base_ = ['./train_gta_512.py']

train_dataloader = dict(dataset=dict(dataset=dict(type='Cityscapes', data_root='data/cityscapes')))
