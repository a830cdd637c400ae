"""Rein on the frozen tiny ViT, taught on images without labels by its own average."""

_base_ = ['./streets_rein.py']

model = dict(_delete_=True, type='SelfTraining', segmentor={{_base_.model}})
