"""Train on SYNTHIA-RAND-CITYSCAPES, crops of 512. It lacks terrain, truck and train."""

_base_ = ['./train_gta_512.py']

train_dataloader = dict(dataset=dict(dataset=dict(type='Synthia', data_root='data/synthia')))
