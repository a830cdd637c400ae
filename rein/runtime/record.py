"""What stands beside the numbers of a test: which weights, which settings, measured how."""

import hashlib
import json
import math
import os
import re
import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from rein.hooks.atomic import write_atomically
from rein.hooks.checkpoint_files import STEP
from rein.hooks.fingerprint import describe_body, frozen_state_keys
from rein.runtime.files import sha256
from rein.runtime.machine import hardware, versions
from rein.runtime.settings import inner_segmentor

DIGITS = 16  # of a hash of text
CHOOSES = ('split_file', 'images', 'masks', 'data_prefix', 'ann_file')  # of a set's files
LAST = 'last'
ORACLE = 'best on the test domains (oracle)'
VALIDATED = 'best on validation data'
GIVEN = 'given'
LENGTH = re.compile(r'^train_cfg = dict\(.*?max_iters=(\d+)', re.M | re.S)


def describe_run(checkpoint: Mapping, path: str, config: Config) -> dict:
    """Describe where the weights of a test come from.

    Args:
        checkpoint: what is in the file.
        path: of the file.
        config: that is tested, with its test sets in place; ``val_dataloader`` is the training's.

    Returns:
        ``checkpoint_sha256``; ``selection``, why it is this checkpoint and no other of its run;
        ``selected_by``, the metric of validation that it is the best by; ``iteration``,
        ``iterations`` of the whole training, ``seed``: None where the file does not say.
    """
    meta = checkpoint.get('meta') or {}
    name = Path(path).resolve().name
    step, length = STEP.search(name), LENGTH.search(str(meta.get('cfg', '')))
    iteration = int(step[1]) if step else meta.get('iter')
    iterations = int(length[1]) if length else None
    chosen = meta.get('selection')  # by AdapterCheckpointHook, which knows the metric
    name = 'best_' if chosen else name
    return {
        'checkpoint_sha256': sha256(path),
        'selection': _selection(name, iteration, iterations, config),
        'selected_by': chosen and chosen.get('metric'),
        'iteration': iteration,
        'iterations': iterations,
        'seed': meta.get('seed'),
    }


def _selection(name: str, iteration: int | None, iterations: int | None, config: Config) -> str:
    if name.startswith('best_'):
        shared = _sources(config.get('val_dataloader')) & _sources(config.test_dataloader)
        return ORACLE if shared or config.get('val_dataloader') is None else VALIDATED
    if not name.startswith('iter_'):
        return GIVEN
    if iterations is None or iteration is None or iteration >= iterations:
        return LAST
    return f'iteration {iteration} of {iterations}'


def _sources(loader: Mapping | None) -> set[tuple]:
    """What tells the data sets of a loader apart, whatever is done to their images.

    Of a folder the name counts, not where it lies; Cityscapes-C is Cityscapes.
    """
    found = set()
    for dataset in _datasets((loader or {}).get('dataset') or {}):
        if 'data_root' in dataset:
            kind = str(dataset.get('type')).rpartition('.')[2]
            kind = 'Cityscapes' if kind == 'CityscapesC' else kind
            name = os.path.basename(os.path.normpath(str(dataset['data_root'])))
            parts = [str(dataset.get(key)) for key in CHOOSES]
            split = dataset.get('split', 'train')
            found.add((kind, name.removesuffix('_c'), split, *parts))
            continue
        plain = [(key, dataset.get(key)) for key in ('type', *sorted(dataset))]
        found.add(tuple((k, v) for k, v in plain if isinstance(v, str | int) and k != 'domain'))
    return found


def _datasets(node: Mapping) -> Iterator[Mapping]:
    """The data sets that a data set wraps, or itself."""
    inner = node.get('datasets') or ([node['dataset']] if 'dataset' in node else [])
    if not inner:
        yield node
    for each in inner:
        yield from _datasets(each)


def config_digest(config: Config) -> str:
    """Digest of the text of a config with its options."""
    return hashlib.sha256(config.pretty_text.encode()).hexdigest()[:DIGITS]


def describe_call(args: Namespace) -> dict:
    """Describe what ``tools/test.py`` was asked to do."""
    return {
        'config': args.config,
        'test_sets': args.test_sets or args.config,
        'checkpoint': str(Path(args.checkpoint).resolve()),
        'options': {key: str(value) for key, value in args.cfg_options.items()},
        'precision': 'bfloat16' if args.amp else 'float32',
        'command': args.command,
    }


def describe_test(runner: Runner) -> dict:
    """Describe a test that has ended: the body it ran on, the machine, details and worst images.

    Returns:
        ``body``: names and fingerprint of what never trains, None where all does; ``inference``:
        how images were cut; ``versions``, ``hardware``, ``date``; and where there are any,
        ``worst`` and ``details``.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    frozen = frozen_state_keys(model)
    body = describe_body(model, frozen) if frozen else None
    found = {
        'body': body and {key: body[key] for key in ('model', 'fingerprint')},
        'inference': dict(inner_segmentor(runner.cfg.model).get('test_cfg') or {}),
        'versions': versions(),
        'hardware': hardware(),
        'date': datetime.now(UTC).isoformat(timespec='seconds'),
    }
    for hook in runner.hooks:
        if type(hook).__name__ == 'WorstImagesHook':
            found['worst'] = hook.found
    for metric in runner.test_evaluator.metrics:
        if getattr(metric, 'details', None):
            found['details'] = metric.details
    return found


def write_record(path: Path, record: Mapping) -> None:
    """Write a result as JSON; paths in ``worst`` become relative to its folder.

    JSON has no nan, so what could not be measured is null.
    """
    record = _without_nan(dict(record))
    details = record.pop('details', None)
    home = path.resolve().parent
    for entry in (entry for entries in record.get('worst', {}).values() for entry in entries):
        for key in ('prediction_map', 'label_map'):
            entry[key] = os.path.relpath(entry[key], home)
    text = json.dumps(record, indent=2, allow_nan=False)
    if details is not None:  # a matrix with a number a line would be all that one sees
        text = f'{text[:-2]},\n  "details": {json.dumps(details, allow_nan=False)}\n}}'
    write_atomically(path, f'{text}\n'.encode())


def _without_nan(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def command_line(argv: Sequence[str] | None) -> str:
    """The command that started this process, as one would type it.

    Args:
        argv: arguments, where a program was called as a function.
    """
    words = [sys.argv[0], *(sys.argv[1:] if argv is None else argv)]
    processes = int(os.environ.get('WORLD_SIZE', '1'))
    launcher = ['torchrun', '--nproc-per-node', str(processes)] if processes > 1 else ['python']
    return shlex.join([*launcher, *words])
