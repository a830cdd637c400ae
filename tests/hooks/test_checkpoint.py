import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from torch import nn

from rein.hooks import atomic
from rein.hooks.checkpoint import AdapterCheckpointHook
from rein.hooks.checkpoint_files import (
    checkpoints_in,
    latest_checkpoint,
    read_checkpoint,
)
from rein.hooks.strict import CheckpointError


class Backbone(nn.Module):
    model = 'tiny'

    def __init__(self, width=4):
        super().__init__()
        self.body = nn.Linear(width, 4).requires_grad_(False)
        self.adapter = nn.Linear(4, 4)

    def frozen_state_keys(self):
        return ['body.weight', 'body.bias']


class Model(nn.Module):
    def __init__(self, seed=0, **kwargs):
        super().__init__()
        torch.manual_seed(seed)
        self.backbone = Backbone(**kwargs)
        self.decode_head = nn.Linear(4, 2)


class FakeRunner(SimpleNamespace):
    """As much of MMEngine's Runner as the hook uses."""

    def __init__(self, model, work_dir):
        super().__init__(model=model, work_dir=str(work_dir), iter=0, epoch=0, hook=None)
        self.logger = MMLogger.get_instance('checkpoint_test')
        self.message_hub = MessageHub(f'hub{id(self)}')
        self._load_from = None

    def save_checkpoint(self, out_dir, filename, *_, meta=None, backend_args=None, **__):
        from mmengine.runner.checkpoint import save_checkpoint

        meta = {**(meta or {}), 'seed': 42}
        checkpoint = {'state_dict': dict(self.model.state_dict()), 'meta': meta}
        self.hook.before_save_checkpoint(self, checkpoint)
        save_checkpoint(checkpoint, os.path.join(out_dir, filename), backend_args=backend_args)


def started(folder, model=None, **kwargs):
    runner = FakeRunner(model or Model(), folder)
    runner.hook = AdapterCheckpointHook(**{'by_epoch': False, 'interval': 1, **kwargs})
    runner.hook.before_train(runner)
    return runner


def save(runner, step):
    runner.iter = step - 1
    runner.hook._save_checkpoint(runner)
    return Path(runner.work_dir, f'iter_{step}.pth')


def load(runner, path):
    runner._load_from = str(path)
    checkpoint = read_checkpoint(path)
    runner.hook.after_load_checkpoint(runner, checkpoint)
    runner.model.load_state_dict(checkpoint['state_dict'])


def test_a_file_holds_what_trains_and_the_fingerprint_of_what_does_not(tmp_path):
    checkpoint = read_checkpoint(save(started(tmp_path), 1))
    assert sorted(checkpoint['state_dict']) == [
        'backbone.adapter.bias',
        'backbone.adapter.weight',
        'decode_head.bias',
        'decode_head.weight',
    ]
    body = checkpoint['body']
    assert body['model'] == 'tiny' and len(body['fingerprint']) == 16
    assert sorted(body['tensors']) == ['backbone.body.bias', 'backbone.body.weight']


def test_saving_leaves_the_model_as_it_was_and_loading_restores_it(tmp_path):
    runner = started(tmp_path)
    path = save(runner, 1)
    other = started(tmp_path, Model())
    nn.init.zeros_(other.model.decode_head.weight)
    load(other, path)
    for key, value in runner.model.state_dict().items():
        torch.testing.assert_close(other.model.state_dict()[key], value, rtol=0, atol=0)


def test_an_adapter_on_another_body_is_refused_and_the_tensors_are_named(tmp_path):
    path = save(started(tmp_path), 1)
    other = Model()
    with torch.no_grad():
        other.backbone.body.bias.add_(1e-6)
    with pytest.raises(CheckpointError, match=r'another body: 1 of 2 .*[\s\S]*body\.bias \(other'):
        load(started(tmp_path, other), path)
    load(started(tmp_path, other, other_body='warn'), path)


def test_a_body_of_another_size_is_named_with_both_sizes(tmp_path):
    path = save(started(tmp_path), 1)
    with pytest.raises(CheckpointError, match=r'body\.weight \[4, 4\] in the file, \[4, 5\] here'):
        load(started(tmp_path, Model(width=5)), path)


def test_a_full_checkpoint_brings_its_own_body(tmp_path):
    torch.save({'state_dict': Model(seed=1).state_dict()}, tmp_path / 'full.pth')
    runner = started(tmp_path)
    save(runner, 1)  # describes the first body
    load(runner, tmp_path / 'full.pth')
    expected = Model(seed=1).backbone.body.weight
    torch.testing.assert_close(runner.model.backbone.body.weight, expected, rtol=0, atol=0)
    load(started(tmp_path, Model(seed=1)), save(runner, 2))  # and then the second


def test_every_misfit_is_listed_in_one_error(tmp_path):
    state = Model().state_dict()
    del state['backbone.adapter.bias']
    state['decode_head.extra'] = torch.zeros(1)
    torch.save({'state_dict': state}, tmp_path / 'odd.pth')
    pattern = r'odd.pth does not fit[\s\S]*missing.*adapter\.bias[\s\S]*not in the model.*extra'
    with pytest.raises(CheckpointError, match=pattern):
        load(started(tmp_path), tmp_path / 'odd.pth')


def test_a_wrapped_model_saves_and_loads_the_same_keys(tmp_path, monkeypatch):
    monkeypatch.setattr('rein.hooks.model.is_model_wrapper', lambda m: hasattr(m, 'module'))
    plain = started(tmp_path)
    path = save(plain, 1)
    wrapped = started(tmp_path)
    wrapped.model = SimpleNamespace(module=Model())
    checkpoint = read_checkpoint(path)
    checkpoint['state_dict'] = {f'module.{k}': v for k, v in checkpoint['state_dict'].items()}
    wrapped.hook.after_load_checkpoint(wrapped, checkpoint)
    assert sorted(checkpoint['state_dict']) == sorted(Model().state_dict())


def test_ema_weights_lose_the_body_too(tmp_path):
    runner = started(tmp_path)
    state = runner.model.state_dict()
    checkpoint = {
        'state_dict': dict(state),
        'ema_state_dict': {'steps': 1, **{f'module.{k}': v for k, v in state.items()}},
    }
    runner.hook.before_save_checkpoint(runner, checkpoint)
    assert not any('body' in k for k in [*checkpoint['state_dict'], *checkpoint['ema_state_dict']])
    assert 'module.decode_head.weight' in checkpoint['ema_state_dict']


def test_only_the_newest_are_kept_and_the_old_go_after_the_new_is_there(tmp_path, monkeypatch):
    runner = started(tmp_path, max_keep_ckpts=2)
    seen = []
    remove = runner.hook.file_backend.remove
    runner.hook.file_backend.remove = lambda p: (
        seen.append(sorted(os.listdir(tmp_path))),
        remove(p),
    )
    for step in (1, 2, 3):
        save(runner, step)
    assert seen == [['iter_1.pth', 'iter_2.pth', 'iter_3.pth', 'last_checkpoint']]
    assert [p.name for p in checkpoints_in(tmp_path)] == ['iter_2.pth', 'iter_3.pth']
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'iter_3.pth')
    assert runner.message_hub.get_info('keep_ckpt_ids') == [2, 3]


def test_a_full_disk_keeps_the_best_checkpoint(tmp_path, monkeypatch):
    runner = started(tmp_path, save_best='mIoU')
    runner.iter = 1
    runner.hook.after_val_epoch(runner, {'mIoU': 10.0})
    runner.iter = 2

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, 'fsync', fail)
        with pytest.raises(OSError, match='disk is full'):
            runner.hook.after_val_epoch(runner, {'mIoU': 20.0})
    assert (tmp_path / 'best_mIoU_iter_1.pth').is_file()


def test_a_better_checkpoint_takes_the_place_of_the_best(tmp_path):
    runner = started(tmp_path, save_best='mIoU')
    for runner.iter, score in enumerate([10.0, 30.0, 20.0], start=1):
        runner.hook.after_val_epoch(runner, {'mIoU': score})
    assert [p.name for p in tmp_path.glob('best*')] == ['best_mIoU_iter_2.pth']


def test_a_full_disk_keeps_everything_and_says_how_to_go_on(tmp_path, monkeypatch):
    runner = started(tmp_path, max_keep_ckpts=1)
    save(runner, 1)

    def fail(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(atomic.os, 'fsync', fail)
    with pytest.raises(OSError, match=r'iteration 2: the disk is full.*iter_1.pth.*--resume'):
        save(runner, 2)
    assert sorted(os.listdir(tmp_path)) == ['iter_1.pth', 'last_checkpoint']
    read_checkpoint(latest_checkpoint(tmp_path))


def test_an_unknown_key_is_refused_at_once_and_not_at_the_first_checkpoint():
    with pytest.raises(TypeError, match="unexpected keyword argument 'intervall'"):
        AdapterCheckpointHook(intervall=4)
    with pytest.raises(ValueError, match='other_body'):
        AdapterCheckpointHook(other_body='ignore')


def test_a_cut_file_is_named_together_with_the_last_good_one(tmp_path):
    runner = started(tmp_path)
    save(runner, 1), save(runner, 2)
    path = save(runner, 10)
    path.write_bytes(path.read_bytes()[:1000])
    (tmp_path / 'iter_11.pth').write_bytes(b'')
    for broken in (path, tmp_path / 'iter_11.pth'):
        with pytest.raises(CheckpointError, match=rf'{broken.name} is damaged.*iter_2\.pth'):
            read_checkpoint(broken)


class Opener:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, 'w')


def test_a_file_that_would_run_code_is_refused_and_its_code_not_run(tmp_path):
    torch.save({'state_dict': {}, 'x': Opener(str(tmp_path / 'run'))}, tmp_path / 'iter_1.pth')
    with pytest.raises(CheckpointError, match=r"more than tensors.*_?io\.open.*'state_dict'"):
        read_checkpoint(tmp_path / 'iter_1.pth')
    assert not (tmp_path / 'run').exists()


def test_the_file_to_resume_from_is_found_in_a_moved_folder_and_without_the_note(tmp_path):
    assert latest_checkpoint(tmp_path) is None
    runner = started(tmp_path / 'old')
    save(runner, 9), save(runner, 10)
    moved = (tmp_path / 'old').rename(tmp_path / 'new')
    assert latest_checkpoint(moved) == moved / 'iter_10.pth'
    (moved / 'last_checkpoint').unlink()
    assert latest_checkpoint(moved) == moved / 'iter_10.pth'
