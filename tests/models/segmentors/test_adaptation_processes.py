"""Two processes adapt as one does with the images of both: the same losses, the same gradients.

Parts that draw at random are replaced by ones that do not, and batch norms by group norms: each
process draws its own numbers, and has statistics of its own unless they are synchronised.
"""

import copy

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from networks import HRDA, HRDA_HEAD
from test_self_training import batch
from torch import distributed


@MODELS.register_module(force=True)
class LeftHalf:
    """Pastes the left half of images."""

    def masks(self, labels):
        where = torch.zeros_like(labels, dtype=torch.bool)
        where[..., : labels.shape[-1] // 2] = True
        return where


@MODELS.register_module(force=True)
class Squares:
    """Takes every other square away."""

    def __call__(self, images):
        places = torch.arange(images.shape[-1], device=images.device) // 8 % 2
        return images * (places[:, None] ^ places)


GROUPS = dict(norm_cfg=dict(type='GN', num_groups=2))
HEADS = {**HRDA_HEAD, **GROUPS}
NETWORK = {
    **HRDA,
    'decode_head': dict(type='HRDAHead', head=HEADS, scale_attention={**HEADS, 'dilations': None}),
}
ONE = dict(
    type='FoundationSegmentor',
    data_preprocessor=HRDA['data_preprocessor'],
    backbone=HRDA['backbone'],
    decode_head=HEADS,
    test_cfg=dict(mode='whole'),
)
DACS = dict(
    type='SelfTraining',
    labelling=[dict(type='ConfidentShare', threshold=0.3), dict(type='IgnoreBands', top=4)],
    mixing=dict(type='LeftHalf'),
    teacher_statistics='batch',
    passes=dict(type='SourceThenTarget'),
)
MASKING = dict(type='MaskedConsistency', mask=dict(type='Squares'))


def near(segmentor, **settings):
    distance = dict(
        type='ThingFeatureDistance',
        reference={**HRDA['backbone'], 'drop_rate': 0.0},
        sites={'backbone[1]': 16},
        num_classes=5,
        classes=[3],
        least=0.3,
        loss_weight=0.5,
        **settings,
    )
    return dict(type='OneView', segmentor=segmentor, losses=dict(fd=distance))


METHODS = {
    'source only': ONE,
    'DACS': {**DACS, 'segmentor': ONE},
    'DAFormer': {**DACS, 'segmentor': near(ONE)},
    'HRDA': {**DACS, 'segmentor': near(NETWORK, image_scale=0.5)},
    'MIC': {**DACS, 'segmentor': near(NETWORK, image_scale=0.5), 'masking': MASKING},
    'MIC in turn': {
        **DACS,
        'segmentor': near(NETWORK, image_scale=0.5),
        'masking': MASKING,
        'passes': dict(type='SourceThenTarget', backward='sequential'),
    },
}


def built(config):
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(copy.deepcopy(config))).train()
    if hasattr(model, 'begin_teaching'):
        model.begin_teaching(anew=True)
    return model


def learnt(model, forward, images, samples):
    np.random.seed(0)  # places of the detail
    torch.manual_seed(7)  # a network that is made for reference, of any weights
    losses = forward(images, samples, mode='loss')
    total, logged = model.parse_losses(losses)
    total.backward()
    return {name: float(value) for name, value in logged.items() if 'acc' not in name}


def kinds(name):
    return 'llll' if name == 'source only' else 'lulu'


def learn_in_process(rank, path):
    init_default_scope('mmseg')
    found = {}
    for name, config in METHODS.items():
        images, samples, _ = batch(kinds(name), size=64)
        alone = built(config)
        wanted = learnt(alone, alone, images, samples)
        found[name] = wanted, {k: p.grad for k, p in alone.named_parameters()}
    distributed.init_process_group('gloo', init_method=f'file://{path}', rank=rank, world_size=2)
    mine = slice(2 * rank, 2 * rank + 2)
    for name, config in METHODS.items():
        images, samples, _ = batch(kinds(name), size=64)
        model = built(config)
        together = torch.nn.parallel.DistributedDataParallel(model)
        own = learnt(model, together, images[mine], samples[mine])
        wanted, gradients = found[name]
        assert own.keys() == wanted.keys()
        for key, value in own.items():
            both = torch.tensor([value])
            distributed.all_reduce(both)
            assert float(both) / 2 == pytest.approx(wanted[key], rel=2e-5), (name, key)
        for key, parameter in model.named_parameters():
            torch.testing.assert_close(
                parameter.grad,
                gradients[key],
                msg=lambda m, key=key, name=name: f'{name} {key} {m}',
            )
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_adapt_as_one_with_the_images_of_both(tmp_path):
    # spawn raises what a process raises
    torch.multiprocessing.spawn(learn_in_process, (str(tmp_path / 'meeting'),), nprocs=2)
