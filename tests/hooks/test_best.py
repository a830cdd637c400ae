"""Last and best checkpoints of a real runner whose validation scores are given."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn

from rein.hooks.checkpoint import AdapterCheckpointHook
from rein.hooks.checkpoint_files import latest_checkpoint, read_checkpoint

# Scores of the validations after iterations 2, 4, 6 and 8: the means are 20, 40, 30 and 35.
CITY = [10.0, 50.0, 20.0, 40.0]
NIGHT = [30.0, 30.0, 40.0, 30.0]


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, inputs, data_samples=None, mode='loss'):
        return {'loss': self.weight.sum() + 1} if mode == 'loss' else [1]


class Given(BaseMetric):
    """Reports the given scores, one after another."""

    def __init__(self, done=0):
        super().__init__()
        self.done = done

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        city, night = CITY[self.done], NIGHT[self.done]
        self.done += 1
        return {'city/mIoU': city, 'night/mIoU': night, 'mean_mIoU': (city + night) / 2}


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def train(folder, iterations, resume=False, **options):
    options = {'save_best': 'mean_mIoU', **options}
    done = 0
    if resume:
        done = int(latest_checkpoint(folder).stem.rpartition('_')[2]) // 2
    data = dict(
        batch_size=1,
        num_workers=0,
        dataset=[torch.zeros(1)] * 2,
        sampler=dict(type='InfiniteSampler'),
    )
    runner = Runner(
        model=Model(),
        work_dir=str(folder),
        train_dataloader=data,
        val_dataloader={**data, 'sampler': dict(type='DefaultSampler', shuffle=False)},
        val_evaluator=dict(type=Given, done=done),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=2),
        val_cfg=dict(type='ValLoop'),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.0)),
        default_hooks=dict(
            checkpoint=dict(
                type=AdapterCheckpointHook, by_epoch=False, interval=2, max_keep_ckpts=1, **options
            )
        ),
        log_level='WARNING',
        default_scope='mmseg',  # the scope outlives the runner
        load_from=str(latest_checkpoint(folder)) if resume else None,
        resume=resume,
        experiment_name=f'{folder.name}_{iterations}_{resume}',
    )
    runner.train()
    return runner


def names(folder):
    return sorted(path.name for path in Path(folder).glob('*.pth'))


def test_the_last_and_the_best_are_kept_side_by_side(tmp_path):
    train(tmp_path, 8)
    assert names(tmp_path) == ['best_mean_mIoU_iter_4.pth', 'iter_8.pth']


def test_the_best_says_what_it_was_chosen_by_and_the_last_does_not(tmp_path):
    train(tmp_path, 8)
    meta = read_checkpoint(tmp_path / 'best_mean_mIoU_iter_4.pth')['meta']
    assert meta['selection'] == {'metric': 'mean_mIoU', 'score': 40.0}
    assert meta['iter'] == 4
    assert 'selection' not in read_checkpoint(tmp_path / 'iter_8.pth')['meta']


def test_the_best_of_each_target_is_kept_as_robustnet_does(tmp_path):
    train(tmp_path, 8, save_best=['city/mIoU', 'night/mIoU'])
    assert names(tmp_path) == [
        'best_city_mIoU_iter_4.pth',
        'best_night_mIoU_iter_6.pth',
        'iter_8.pth',
    ]
    meta = read_checkpoint(tmp_path / 'best_night_mIoU_iter_6.pth')['meta']
    assert meta['selection'] == {'metric': 'night/mIoU', 'score': 40.0}


def test_a_resumed_run_keeps_the_best_score_of_the_run_before(tmp_path):
    train(tmp_path, 4)
    before = (tmp_path / 'best_mean_mIoU_iter_4.pth').read_bytes()
    train(tmp_path, 8, resume=True)  # 30 and 35 are no better than 40
    assert names(tmp_path) == ['best_mean_mIoU_iter_4.pth', 'iter_8.pth']
    assert (tmp_path / 'best_mean_mIoU_iter_4.pth').read_bytes() == before


def test_a_resumed_run_replaces_the_best_of_the_run_before(tmp_path):
    train(tmp_path, 2)
    assert names(tmp_path) == ['best_mean_mIoU_iter_2.pth', 'iter_2.pth']
    train(tmp_path, 4, resume=True)
    assert names(tmp_path) == ['best_mean_mIoU_iter_4.pth', 'iter_4.pth']


def test_a_run_that_was_copied_replaces_its_own_best_and_leaves_the_others(tmp_path):
    train(tmp_path / 'first', 2)
    shutil.copytree(tmp_path / 'first', tmp_path / 'second')
    train(tmp_path / 'second', 4, resume=True)
    assert names(tmp_path / 'first') == ['best_mean_mIoU_iter_2.pth', 'iter_2.pth']
    assert names(tmp_path / 'second') == ['best_mean_mIoU_iter_4.pth', 'iter_4.pth']


def test_a_run_that_goes_on_in_another_folder_begins_a_best_of_its_own(tmp_path):
    train(tmp_path / 'first', 4)
    (tmp_path / 'second').mkdir()
    shutil.copy(tmp_path / 'first/iter_4.pth', tmp_path / 'second')
    train(tmp_path / 'second', 6, resume=True)
    assert names(tmp_path / 'first') == ['best_mean_mIoU_iter_4.pth', 'iter_4.pth']
    assert names(tmp_path / 'second') == ['best_mean_mIoU_iter_6.pth', 'iter_6.pth']


def test_a_run_resumed_with_another_metric_does_not_compare_the_two(tmp_path):
    train(tmp_path, 4, save_best='city/mIoU')  # 50 at 4, which night never has
    train(tmp_path, 8, resume=True, save_best='night/mIoU')
    assert names(tmp_path) == [
        'best_city_mIoU_iter_4.pth',
        'best_night_mIoU_iter_6.pth',
        'iter_8.pth',
    ]


def test_a_best_that_a_kill_left_behind_is_found_again(tmp_path):
    train(tmp_path, 4)
    # as if the run had been killed between writing its best and noting that in iter_4
    checkpoint = read_checkpoint(tmp_path / 'iter_4.pth')
    noted = checkpoint['message_hub']['runtime_info']
    assert noted.pop('best_score') == 40
    assert noted.pop('best_ckpt')
    torch.save(checkpoint, tmp_path / 'changed')  # what was read lies in the file itself
    (tmp_path / 'changed').rename(tmp_path / 'iter_4.pth')
    train(tmp_path, 8, resume=True)
    assert [name for name in names(tmp_path) if 'best' in name] == ['best_mean_mIoU_iter_4.pth']


def test_a_metric_that_validation_does_not_report_is_said_once_and_stops_nothing(tmp_path, caplog):
    runner = train(tmp_path, 4, save_best=['citys/mIoU', 'mean_mIoU'])
    assert names(tmp_path) == ['best_mean_mIoU_iter_4.pth', 'iter_4.pth']
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert log.count('no best checkpoint is kept by citys/mIoU') == 1
    assert 'it reports city/mIoU, night/mIoU, mean_mIoU' in log


def test_the_first_metric_is_taken_when_none_is_named(tmp_path):
    train(tmp_path, 4, save_best='auto')
    meta = read_checkpoint(tmp_path / 'best_city_mIoU_iter_4.pth')['meta']
    assert meta['selection'] == {'metric': 'city/mIoU', 'score': 50.0}
