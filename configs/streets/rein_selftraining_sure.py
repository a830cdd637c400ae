"""Trains Rein as rein_selftraining.py, on labels it is sure of; tests on five styles."""

_base_ = ['./rein_selftraining.py']

model = dict(labelling=[dict(type='IgnoreUnsure', threshold=0.9)])
