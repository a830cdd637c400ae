"""The tools called in this process; what needs processes of its own is in the file beside."""

import itertools
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from tiny_run import losses, write_run

from rein import cli
from rein.hooks.checkpoint_files import read_checkpoint
from rein.runtime.files import sha256

SHORT = ('--cfg-options', 'train_cfg.max_iters=4')
NUMBERS = itertools.count()


@HOOKS.register_module(force=True)
class StopHook(Hook):
    """Ends the run with Ctrl-C before an iteration."""

    def __init__(self, at):
        self.at = at

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.at:
            raise KeyboardInterrupt


def called(act, config, *arguments):
    """Exit code of a tool, as if in a process of its own.

    MMEngine keeps loggers by the name of the config and the second, and visualizers by name.
    """
    number = next(NUMBERS)
    copy = config.with_stem(f'{config.stem}_{number}')
    copy.write_text(config.read_text())
    own = ('--cfg-options', f'visualizer.name=visualizer_{number}')
    return act([str(argument) for argument in (copy, *arguments, *own)])


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A finished run of four iterations: its config and work dir."""
    folder = tmp_path_factory.mktemp('trained')
    config = write_run(folder)
    assert called(cli.train, config, '--work-dir', folder / 'w', *SHORT) == 0
    return config, folder / 'w'


def test_an_interrupted_run_goes_on_to_the_same_losses_and_weights(tmp_path, trained, capsys):
    config, whole = trained
    stopped = tmp_path / 'stopped.py'
    stopped.write_text(config.read_text() + "\ncustom_hooks = [dict(type='StopHook', at=3)]")
    arguments = ('--work-dir', tmp_path / 'w', *SHORT)
    assert called(cli.train, stopped, *arguments) == 130
    assert '--resume goes on' in capsys.readouterr().err
    assert called(cli.train, config, '--resume', *arguments) == 0
    assert losses(tmp_path / 'w') == losses(whole)
    ours, theirs = (read_checkpoint(d / 'iter_4.pth') for d in (tmp_path / 'w', whole))
    for key, value in theirs['state_dict'].items():
        assert torch.equal(ours['state_dict'][key], value), key


def test_a_checkpoint_is_tested_with_pictures_and_a_file_of_numbers(tmp_path, trained, monkeypatch):
    config, work_dir = trained
    monkeypatch.chdir(tmp_path)
    arguments = (
        '--out',
        'numbers.json',
        '--show-dir',
        'shows',
        '--show-limit',
        '3',
        '--worst',
        '2',
    )
    assert called(cli.test, config, work_dir / 'iter_4.pth', *arguments) == 0
    report = json.loads((tmp_path / 'numbers.json').read_text())
    assert 0 < report['metrics']['mean_mIoU'] < 100 and report['precision'] == 'float32'
    assert len(list(tmp_path.glob('shows/day/*.jpg'))) == 3
    assert len(list(tmp_path.glob('shows/dusk/*.jpg'))) == 3
    assert len(list(tmp_path.glob('work_dirs/tiny_*/test'))) == 1
    assert (report['selection'], report['iteration'], report['seed']) == ('last', 4, 42)
    assert report['body']['model'] == 'vit_tiny_patch16_224'
    assert report['checkpoint_sha256'] == sha256(work_dir / 'iter_4.pth')
    assert '--worst 2' in report['command']
    day = report['details']['domains']['day']
    assert np.sum(day['confusion']) == 5 * 63 * 64  # the first of 64 lines has no label
    scores = sorted(image['mIoU'] for image in day['images'])
    assert [image['mIoU'] for image in report['worst']['day']] == scores[:2]
    assert all((tmp_path / image['prediction_map']).is_file() for image in report['worst']['dusk'])


def test_worst_images_need_a_file_that_lists_them(tmp_path, trained, capsys):
    config, work_dir = trained
    arguments = (work_dir / 'iter_4.pth', '--worst', '2', '--work-dir', tmp_path)
    assert '--worst 2 needs --out FILE.json' in refused(capsys, cli.test, config, *arguments)


def test_a_checkpoint_is_tested_on_the_test_sets_of_another_config(tmp_path, trained, capsys):
    config, work_dir = trained
    other = tmp_path / 'other.py'
    settings = Config.fromfile(config)
    dataset = settings.test_dataloader.dataset.datasets[0]
    dataset.domain = 'moon'
    settings.test_dataloader.dataset = dataset
    settings.dump(other)
    out = tmp_path / 'n.json'
    arguments = ('--test-sets', other, '--out', out, '--work-dir', tmp_path / 'w')
    assert called(cli.test, config, work_dir / 'iter_4.pth', *arguments) == 0
    report = json.loads(out.read_text())
    assert [k for k in report['metrics'] if k.endswith('/mIoU')] == ['moon/mIoU']
    assert report['test_sets'] == str(other)
    other.write_text('a = 1')
    message = refused(capsys, cli.test, config, work_dir / 'iter_4.pth', '--test-sets', other)
    assert f'--test-sets {other} has no test_dataloader' in message


@pytest.mark.slow  # the first use of bfloat16 kernels alone can take 10 seconds
def test_bfloat16_trains_and_tests_on_a_cpu(tmp_path):
    config = write_run(tmp_path, images=2)
    arguments = ('--amp', '--work-dir', tmp_path / 'w')
    assert called(cli.train, config, *arguments, '--cfg-options', 'train_cfg.max_iters=2') == 0
    (written,) = (tmp_path / 'w').glob('tiny_*.py')
    written = Config.fromfile(written)
    assert written.optim_wrapper.type == 'Bf16OptimWrapper'
    assert (written.val_cfg.type, written.test_cfg.type) == ('Bf16ValLoop', 'Bf16TestLoop')
    out = tmp_path / 'n.json'
    assert called(cli.test, config, tmp_path / 'w/iter_2.pth', *arguments, '--out', out) == 0
    assert json.loads(out.read_text())['precision'] == 'bfloat16'


def refused(capsys, act, config, *arguments):
    """Exit code 2 and one message without a traceback; returns the message."""
    assert called(act, config, *arguments) == 2
    printed = capsys.readouterr().err
    assert 'Traceback' not in printed and printed.count('error: ') == 1
    return printed


def test_a_checkpoint_of_another_adapter_is_refused(tmp_path, trained, capsys):
    config, work_dir = trained
    option = 'model.backbone.adapter.token_length=9'
    arguments = ('--work-dir', tmp_path, '--cfg-options', option)
    message = refused(capsys, cli.test, config, work_dir / 'iter_4.pth', *arguments)
    assert 'tokens_a (4, 8, 4) in the file, (4, 9, 4) here' in message
    assert (tmp_path / 'test/error.txt').read_text().startswith('Traceback')


def test_a_checkpoint_on_another_body_is_refused(tmp_path, trained, capsys):
    config, work_dir = trained
    arguments = ('--work-dir', tmp_path, '--seed', '7')  # the body of this test is random
    message = refused(capsys, cli.test, config, work_dir / 'iter_4.pth', *arguments)
    assert 'was trained on another body' in message


def test_a_missing_and_a_cut_checkpoint_are_refused_before_anything_is_built(
    tmp_path, trained, capsys
):
    config, work_dir = trained
    assert 'there is no file' in refused(capsys, cli.test, config, tmp_path / 'no.pth')
    cut = work_dir / 'iter_9.pth'
    cut.write_bytes((work_dir / 'iter_4.pth').read_bytes()[:5000])
    message = refused(capsys, cli.train, config, '--work-dir', work_dir, '--resume', cut)
    cut.unlink()
    assert 'damaged or cut short' in message and 'iter_4.pth' in message


def test_weights_alone_can_not_be_resumed(tmp_path, trained, capsys):
    config, work_dir = trained
    state = read_checkpoint(work_dir / 'iter_4.pth')['state_dict']
    torch.save({'state_dict': state}, tmp_path / 'weights.pth')
    message = refused(capsys, cli.train, config, '--resume', tmp_path / 'weights.pth')
    assert 'has no meta, optimizer, message_hub' in message and 'load_from' in message


def test_a_resumed_run_keeps_its_seed(tmp_path, trained, capsys):
    config, work_dir = trained
    message = refused(capsys, cli.train, config, '--work-dir', work_dir, '--resume', '--seed', '7')
    assert 'was trained with seed 42' in message


def test_an_unknown_key_is_refused_with_its_place(tmp_path, trained, capsys):
    option = ('--work-dir', tmp_path, '--cfg-options', 'model.decode_head.num_clases=4')
    message = refused(capsys, cli.train, trained[0], *option)
    assert (
        "model.decode_head: PlainMask2FormerHead has no key 'num_clases'; did you mean" in message
    )
    option = ('--work-dir', tmp_path, '--cfg-options', 'train_dataloader.batchsize=4')
    message = refused(capsys, cli.train, trained[0], *option)
    assert "train_dataloader: has no key 'batchsize'; did you mean 'batch_size'" in message


def test_an_option_that_is_no_pair_is_refused(trained, capsys):
    with pytest.raises(SystemExit, match='2'):
        cli.train([str(trained[0]), '--cfg-options', 'seed'])
    assert 'takes key=value' in capsys.readouterr().err


def test_parts_in_an_option_are_refused(capsys):
    with pytest.raises(SystemExit):
        cli.train(
            ['x.py', '--cfg-options', "model.labelling=[dict(type='A'), dict(type='B', k=1)]"]
        )
    assert 'belongs into a config file' in capsys.readouterr().err


def test_debug_shows_where_an_error_comes_from(tmp_path, trained):
    with pytest.raises(ValueError, match='there is no file'):
        cli.test([str(trained[0]), str(tmp_path / 'no.pth'), '--debug'])
