"""Trains as daformer_mitb5_gta2city.py on images whose upper and lower rows do not count; tests on Cityscapes.

The authors' code leaves those rows out, as they are left out of images of Cityscapes.
"""

_base_ = ['./daformer_mitb5_gta2city.py']

model = dict(
    labelling=[
        dict(type='ConfidentShare', threshold=0.968),
        dict(type='IgnoreBands', top=15, bottom=120),
    ]
)
