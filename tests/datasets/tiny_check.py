"""Tiny data sets and configs for the tests of the check."""

import tiny_datasets as tiny
from mmengine.config import Config

PIPELINE = [dict(type='LoadImage'), dict(type='LoadLabels'), dict(type='PackInputs')]


def write_set(root, seeds, ending='.png'):
    """Pairs of noise, a different image for each seed."""
    for seed in seeds:
        tiny.write_image(root / f'images/{seed}{ending}', seed=seed)
        tiny.write_labels(root / f'masks/{seed}.png')


def folder(root, domain, **more):
    return dict(
        type='SegmentationFolder', data_root=str(root), domain=domain, pipeline=PIPELINE, **more
    )


def config(train=None, val=None, test=None, **more):
    loaders = dict(train=train, val=val, test=test)
    found = {f'{k}_dataloader': dict(dataset=v) for k, v in loaders.items() if v is not None}
    return Config(dict(found, **more))


def kinds(report):
    return [problem.kind for problem in report.problems]


def cut(path):
    path.write_bytes(path.read_bytes()[:-300])
