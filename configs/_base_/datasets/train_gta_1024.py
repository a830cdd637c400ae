"""Train on GTA5, crops of 1024, two of them in each process."""

_base_ = ['./train_cityscapes_1024.py']

train_dataloader = dict(dataset=dict(dataset=dict(type='GTA5', data_root='data/gta')))
