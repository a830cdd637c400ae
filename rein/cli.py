"""What ``tools/train.py`` and ``tools/test.py`` share: arguments -> config -> runner."""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process

from rein.hooks.checkpoint_files import checkpoints_in, latest_checkpoint, read_checkpoint
from rein.runtime import record
from rein.runtime.distributed import join_processes, leave_processes, require_processes
from rein.runtime.failures import Guard
from rein.runtime.quiet import QuietRunner
from rein.runtime.settings import ConfigError, OptionsAction, load_config

AUTO = 'the newest in the work dir'


def train(argv: Sequence[str] | None = None) -> int:
    """Train as the arguments say; returns the exit code."""
    parser = _parser('Train the model of a config.')
    parser.add_argument(
        '--resume',
        nargs='?',
        const=AUTO,
        metavar='CHECKPOINT',
        help='go on from a checkpoint, by default %(const)s',
    )
    return _guarded(parser, argv, _train)


def test(argv: Sequence[str] | None = None) -> int:
    """Test as the arguments say; returns the exit code."""
    parser = _parser('Test a checkpoint on the test sets of a config.')
    parser.add_argument('checkpoint', help='as training wrote it (or a converted release)')
    parser.add_argument(
        '--test-sets',
        metavar='CONFIG',
        help='test on the test sets of this config instead, as its metric scores them',
    )
    parser.add_argument('--out', type=Path, help='write the numbers to this file (JSON)')
    parser.add_argument(
        '--show-dir', type=Path, help='write image | label | prediction pictures to this folder'
    )
    parser.add_argument('--show-limit', type=int, metavar='N', help='at most N of each domain')
    parser.add_argument(
        '--worst',
        type=int,
        default=0,
        metavar='N',
        help='keep what was predicted for the N worst images of each domain, beside --out',
    )
    return _guarded(parser, argv, _test)


def _parser(description: str) -> ArgumentParser:
    parser = ArgumentParser(description=description)
    parser.add_argument('config', help='a file, or one of a package: rein::rein/NAME.py')
    parser.add_argument('--work-dir', help='default: work_dirs/<name of the config>')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        default={},
        metavar='KEY=VALUE',
        help='change the config: train_cfg.max_iters=100 model.backbone.out_indices="[2,5,8,11]"',
    )
    parser.add_argument('--amp', action='store_true', help='bfloat16, on CPU and GPU')
    parser.add_argument('--seed', type=int, help='instead of the one of the config')
    parser.add_argument(
        '--deterministic', action='store_true', help='slower; the same numbers in every run'
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch'),
        default='none',
        help='pytorch: started by torchrun, one process a GPU (or several on a CPU)',
    )
    parser.add_argument(
        '--debug', action='store_true', help='show where an error comes from (or REIN_DEBUG=1)'
    )
    return parser


def _guarded(
    parser: ArgumentParser, argv: Sequence[str] | None, act: Callable[[Namespace, Config], None]
) -> int:
    """Carry out a command; an error that the user can mend becomes one message."""
    args = parser.parse_args(argv)
    args.command = record.command_line(argv)
    guard = Guard(debug=args.debug or bool(os.environ.get('REIN_DEBUG')))
    with guard:
        config = load_config(args.config, args.cfg_options)
        guard.config = config
        act(args, config)
    leave_processes(guard.code)
    return guard.code


def _train(args: Namespace, config: Config) -> None:
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        if config.get(key) is None:
            raise ConfigError(f'{args.config} has no {key}, so there is nothing to train')
    require_processes(config, args.launcher)
    config.work_dir = _work_dir(args, config)
    _resume(args, config)
    _apply(args, config)
    join_processes(config, args.launcher)
    runner = QuietRunner.from_cfg(config)
    _soften_determinism(config)
    runner.train()


def _test(args: Namespace, config: Config) -> None:
    digest = record.config_digest(config)
    if args.test_sets is not None:
        _take_test_sets(args.test_sets, config, args.cfg_options)
    for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        if config.get(key) is None:
            raise ConfigError(f'{args.config} has no {key}, so there is nothing to test on')
    run = record.describe_run(read_checkpoint(args.checkpoint), args.checkpoint, config)
    config.load_from, config.resume = args.checkpoint, False
    config.work_dir = str(Path(_work_dir(args, config), 'test'))
    config.custom_hooks = [*config.get('custom_hooks', []), *_test_hooks(args)]
    _apply(args, config)
    join_processes(config, args.launcher)
    runner = QuietRunner.from_cfg(config)
    _soften_determinism(config)
    started = time.monotonic()
    metrics = runner.test()
    seconds = round(time.monotonic() - started, 1)
    if args.out is None:
        return
    with runner.whole_state():
        tested = record.describe_test(runner) if is_main_process() else None
    if tested is not None:
        report = {
            'metrics': {name: float(value) for name, value in metrics.items()},
            **record.describe_call(args),
            'config_digest': digest,
            **run,
            'seconds': seconds,
            **tested,
        }
        record.write_record(args.out, report)


def _test_hooks(args: Namespace) -> list[dict]:
    """Hooks that keep what the arguments ask for beside the numbers."""
    hooks = []
    if args.show_dir is not None:
        hooks.append(dict(type='PicturesHook', out_dir=str(args.show_dir), limit=args.show_limit))
    if args.worst:
        if args.out is None:
            raise ConfigError(f'--worst {args.worst} needs --out FILE.json, which lists the images')
        folder = args.out.with_name(f'{args.out.stem}_worst')
        hooks.append(dict(type='WorstImagesHook', out_dir=str(folder), limit=args.worst))
    return hooks


def _take_test_sets(path: str, config: Config, options: Mapping[str, object]) -> None:
    """Put the test sets of another config, and how they are scored, in the place of the own."""
    keys = ('test_dataloader', 'test_evaluator')
    other = load_config(path, {k: v for k, v in options.items() if k.startswith(keys)})
    for key in keys:
        if other.get(key) is None:
            raise ConfigError(f'--test-sets {path} has no {key}; give a config with test sets')
        config[key] = other[key]


def _work_dir(args: Namespace, config: Config) -> str:
    stem = Path(args.config.rpartition('::')[2]).stem
    return args.work_dir or config.get('work_dir') or str(Path('work_dirs', stem))


def _resume(args: Namespace, config: Config) -> None:
    """Settle which file to go on from, read it, and take over the seed of the run."""
    wanted = args.resume or (AUTO if config.get('resume') else None)
    if wanted == AUTO:
        # The work dir first: load_from may only be what the run once began with.
        given = config.get('load_from') if config.get('resume') else None
        wanted = latest_checkpoint(config.work_dir) or given
        if wanted is None:
            _say(f'nothing to resume in {config.work_dir}; starting anew')
    elif wanted is None and checkpoints_in(config.work_dir):
        _say(f'{config.work_dir} holds checkpoints of an earlier run; --resume goes on from them')
    config.resume = wanted is not None
    if wanted is None:
        if config.get('load_from'):
            read_checkpoint(config.load_from)
        return
    checkpoint = read_checkpoint(wanted)
    lacking = [key for key in ('meta', 'optimizer', 'message_hub') if key not in checkpoint]
    if lacking:
        raise ConfigError(
            f'{wanted} has no {", ".join(lacking)}: it can be tested, or trained further with '
            f'--cfg-options load_from={wanted}, but not resumed'
        )
    config.load_from = str(wanted)
    seed = checkpoint['meta'].get('seed')
    if seed is not None and args.seed is None:
        # The sampler is built before MMEngine takes over the seed of the file.
        config.randomness = {**config.get('randomness', {}), 'seed': seed}
    elif args.seed is not None and seed != args.seed:
        raise ConfigError(f'{wanted} was trained with seed {seed}; leave --seed {args.seed} out')


def _apply(args: Namespace, config: Config) -> None:
    """Write the other arguments into the config."""
    randomness = dict(config.get('randomness') or {})
    if args.seed is not None:
        randomness['seed'] = args.seed
    if args.deterministic:
        randomness['deterministic'] = True
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    config.randomness = randomness
    config.launcher = args.launcher
    if not args.amp:
        return
    if config.get('optim_wrapper') is not None:
        if config.optim_wrapper.get('type', 'OptimWrapper') not in (
            'OptimWrapper',
            'Bf16OptimWrapper',
        ):
            raise ConfigError(
                f'--amp replaces optim_wrapper.type OptimWrapper; the config has '
                f'{config.optim_wrapper.type!r}, which decides its precision itself'
            )
        config.optim_wrapper.type = 'Bf16OptimWrapper'
    for key, plain in (('val_cfg', 'ValLoop'), ('test_cfg', 'TestLoop')):
        if config.get(key) is not None and config[key].get('type', plain) == plain:
            config[key] = dict(type=f'Bf16{plain}')


def _soften_determinism(config: Config) -> None:
    """Warn of an operation without a deterministic kernel, where MMEngine would stop the run."""
    if config.randomness.get('deterministic'):
        torch.use_deterministic_algorithms(mode=True, warn_only=True)


def _say(message: str) -> None:
    if os.environ.get('RANK', '0') == '0':
        sys.stderr.write(f'note: {message}\n')
