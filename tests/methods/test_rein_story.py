"""Rein from weights to pictures, all parts real and tiny: train, save, resume, test, predict."""

import json

import pytest
import torch
from tiny_story import accuracy, prepare, tool

import rein  # noqa: F401
from rein.hooks.checkpoint_files import read_checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def story(tmp_path_factory):
    """A folder after the first two iterations: config, images, weights and a checkpoint."""
    folder = tmp_path_factory.mktemp('story')
    prepare(folder, 'story.py')
    stop = ['--cfg-options', 'train_cfg.max_iters=2']
    tool('train', folder / 'story.py', '--work-dir', folder / 'work', *stop)
    return folder


def test_a_checkpoint_holds_what_was_trained_and_not_the_body(story):
    state = read_checkpoint(story / 'work/iter_2.pth')['state_dict']
    assert not any(key.startswith('backbone.body.') for key in state)
    assert {'backbone.adapter.tokens_a', 'decode_head.querys2feat.weight'} <= set(state)
    assert state['backbone.adapter.tokens_b'].shape == (4, 4, 32)


def test_resumed_tested_and_asked_the_model_gives_one_answer(story):
    work = story / 'work'
    printed = tool('train', story / 'story.py', '--work-dir', work, '--resume')
    assert 'resumed epoch: 0, iter: 2' in printed
    first, last = (read_checkpoint(work / f'iter_{k}.pth')['state_dict'] for k in (2, 4))
    assert not torch.equal(first['backbone.adapter.tokens_a'], last['backbone.adapter.tokens_a'])

    out, shown = story / 'metrics.json', story / 'shown'
    tool('test', story / 'story.py', work / 'iter_4.pth', '--out', out, '--show-dir', shown)
    metrics = json.loads(out.read_text())['metrics']
    assert metrics['mean_mIoU'] == metrics['sketches/mIoU']
    assert len(list((shown / 'sketches').glob('*.jpg'))) == 4

    # MMSegmentation's own API must see the same model.
    found = accuracy(story / 'story.py', work / 'iter_4.pth', story / 'data')
    assert found == pytest.approx(metrics['sketches/aAcc'], abs=0.01)
