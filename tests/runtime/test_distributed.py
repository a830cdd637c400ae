"""What several processes need of a config, and what is said where it cannot be had."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from tiny_processes import in_processes

from rein.runtime.distributed import join_processes, require_processes
from rein.runtime.settings import ConfigError

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_/distributed'


def base(name):
    return Config.fromfile(BASES / f'{name}.py')


def test_one_process_does_not_train_in_shards_but_may_test_what_did(monkeypatch):
    with pytest.raises(ConfigError, match='ShardedDataParallel spreads a model over processes'):
        require_processes(base('fsdp'), 'none')
    join_processes(base('fsdp'), 'none')
    monkeypatch.setenv('WORLD_SIZE', '1')
    with pytest.raises(ConfigError, match='model_wrapper_cfg=None'):
        require_processes(base('fsdp'), 'pytorch')
    require_processes(base('ddp'), 'none')
    require_processes(Config(dict(model_wrapper_cfg=None)), 'none')


def test_a_wrapper_that_is_not_there_is_named_with_its_neighbour():
    wrong = Config(dict(model_wrapper_cfg=dict(type='ShardedDataParalel')))
    with pytest.raises(ConfigError, match=r"no 'ShardedDataParalel'.*mean 'ShardedDataParallel'"):
        join_processes(wrong, 'none')


def test_the_wrapper_whose_checkpoints_would_be_shards_is_refused():
    wrong = Config(dict(model_wrapper_cfg=dict(type='MMFullyShardedDataParallel')))
    with pytest.raises(ConfigError, match=r'use ShardedDataParallel: configs/_base_/distributed'):
        join_processes(wrong, 'none')


def join():
    for name, expected in (
        (
            'ddp',
            dict(
                type='MMDistributedDataParallel',
                broadcast_buffers=False,
                find_unused_parameters=False,
                gradient_as_bucket_view=True,
                device_ids=None,
            ),
        ),
        ('fsdp', dict(type='ShardedDataParallel')),
    ):
        config = base(name)
        config.model = dict(norm_cfg=dict(type='SyncBN'))
        join_processes(config, 'pytorch')
        assert dict(config.model_wrapper_cfg) == expected
        assert config.model.norm_cfg.type == 'BN'
        assert torch.distributed.get_backend() == config.env_cfg.dist_cfg.backend == 'gloo'
        torch.distributed.destroy_process_group()


@pytest.mark.skipif(torch.cuda.is_available(), reason='gloo is for machines without a GPU')
def test_without_a_gpu_processes_meet_over_gloo_with_either_wrapper():
    in_processes(join, count=1)
