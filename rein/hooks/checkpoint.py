"""Checkpoints that hold what was trained, whole or not at all, and only for the body they know."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn

from rein.checkpoints.comparison import shortened
from rein.hooks.atomic import FULL, write_atomically
from rein.hooks.best import LateRemoval, SelectingRunner, best_so_far, unreported
from rein.hooks.fingerprint import describe_body, differences, frozen_state_keys
from rein.hooks.model import bare_model
from rein.hooks.strict import CheckpointError, key_complaints

OTHER_BODY = ('refuse', 'warn')


@HOOKS.register_module()
class AdapterCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook`` for models of which a part never trains.

    - Saves all but the keys that modules declare with ``frozen_state_keys()``, and describes the
      weights left out (``checkpoint['body']``: names, digests).
    - Loads strictly, for training, resuming and testing: a missing, unexpected or misshapen
      tensor is an error, and so is a body that is not the one the file was trained on. A full
      checkpoint, one with the body in it, loads too. A model with a method ``adopt`` may make a
      checkpoint of a part of it into one of its own first.
    - Writes atomically, and removes an old checkpoint only after the new one is on the disk.
    - Notes in a checkpoint kept by ``save_best`` what it was chosen by (``rein.hooks.best``).

    Args:
        other_body: what to do when the body is not the one that the file was trained on:
            ``'refuse'`` (the default) or ``'warn'`` and go on.
        **kwargs: as of MMEngine's ``CheckpointHook``.
    """

    def __init__(
        self, *, other_body: Literal['refuse', 'warn'] = 'refuse', **kwargs: object
    ) -> None:
        if other_body not in OTHER_BODY:
            raise ValueError(
                f'default_hooks.checkpoint.other_body is {other_body!r}; use one of {OTHER_BODY}'
            )
        known = inspect.signature(CheckpointHook.__init__).parameters
        unknown = sorted(set(kwargs) - set(known))
        if unknown:
            # MMEngine would pass them on and fail at the first checkpoint, hours later.
            raise TypeError(
                f'AdapterCheckpointHook.__init__() got an unexpected keyword argument '
                f'{unknown[0]!r}'
            )
        if kwargs.get('file_client_args') is None:
            kwargs.setdefault('backend_args', {'backend': 'atomic'})
        super().__init__(**kwargs)
        if self.published_keys is not None and 'body' not in self.published_keys:
            self.published_keys = [*self.published_keys, 'body']
        self.other_body = other_body
        self._body: dict | None = None
        self._complaint: str | None = None

    # ---- what is in a checkpoint ----------------------------------------------------------

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Leave out what never trains, and describe it instead."""
        model = bare_model(runner)
        frozen = frozen_state_keys(model)
        if not frozen:
            return
        for key in frozen:
            checkpoint['state_dict'].pop(key, None)
            checkpoint.get('ema_state_dict', {}).pop(f'module.{key}', None)
        checkpoint['body'] = self._described(model, frozen)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check a loaded file against the model and add the body to it.

        Raises:
            CheckpointError: a tensor is missing, unexpected or misshapen, or the body is another.
        """
        model = bare_model(runner)
        own = model.state_dict()
        frozen = frozen_state_keys(model)
        state = checkpoint.get('state_dict', checkpoint)
        for key in [key for key in state if key.startswith('module.')]:
            state[key.removeprefix('module.')] = state.pop(key)
        if hasattr(model, 'adopt'):
            model.adopt(checkpoint)
        name = getattr(runner, '_load_from', None) or 'the checkpoint'
        complaints = key_complaints(state, own, frozen)
        full = bool(frozen) and all(key in state for key in frozen)
        body = checkpoint.get('body')
        if complaints:
            raise CheckpointError(f'{name} does not fit this model.\n' + '\n'.join(complaints))
        if full:
            self._body = None  # the file brings its own body
        elif frozen and body is None:
            runner.logger.warning(
                f'{name} does not say on which body it was trained, so that could not be checked'
            )
        elif frozen:
            self._compare_body(runner, name, body, self._described(model, frozen))
        state.update({key: own[key] for key in frozen if key not in state})

    def _described(self, model: nn.Module, frozen: list[str]) -> dict:
        """Describe the body; once, since it never changes."""
        if self._body is None:
            self._body = describe_body(model, frozen)
        return self._body

    def _compare_body(self, runner: Runner, name: str, saved: dict, present: dict) -> None:
        found = differences(saved, present)
        if not found:
            return
        message = (
            f'{name} was trained on another body: {len(found)} of {len(present["tensors"])} '
            f'frozen tensors differ.\n'
            f'  in the file: {saved["model"]}, fingerprint {saved["fingerprint"]}\n'
            f'  here:        {present["model"]}, fingerprint {present["fingerprint"]}\n'
            f'  differing: {shortened(found)}\n'
            'Give model.backbone.weights (and model_args) as they were at training, or set '
            "default_hooks.checkpoint.other_body='warn' if another body is what you want"
        )
        if self.other_body == 'refuse':
            raise CheckpointError(message)
        runner.logger.warning(message)

    # ---- how it gets to the disk ----------------------------------------------------------

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Save, then say so in ``last_checkpoint``, then remove what is too old: in that order."""
        outdated = self._remember(runner, step)
        name = self.filename_tmpl.format(step)
        previous = self.last_ckpt
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        with _full_disk_named(runner, previous):
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
            )
            if is_main_process():
                write_atomically(
                    Path(runner.work_dir, 'last_checkpoint'), str(self.last_ckpt).encode()
                )
        if is_main_process():
            for old in outdated:
                self._remove(
                    self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(old))
                )

    def _remember(self, runner: Runner, step: int) -> list[int]:
        """Note that ``step`` is kept; returns the steps that are to go for it."""
        if self.max_keep_ckpts <= 0:
            return []
        kept = [kept for kept in self.keep_ckpt_ids if kept != step] + [step]
        outdated, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
        self.keep_ckpt_ids.clear()
        self.keep_ckpt_ids.extend(kept)
        runner.message_hub.update_info('keep_ckpt_ids', kept)
        return outdated

    def before_train(self, runner: Runner) -> None:
        """As MMEngine, but a resumed run takes its best from its own folder, by its own metric.

        The paths in a checkpoint may be those of another run, that this one was copied from or
        goes on from; its score may be of another metric, or older than the last best on the disk.
        """
        super().before_train(runner)
        hub, done = runner.message_hub, runner.epoch if self.by_epoch else runner.iter
        if not self.save_best or 'auto' in self.key_indicators or not done:
            return
        alone = len(self.key_indicators) == 1
        for key in self.key_indicators:
            end = '' if alone else f'_{key}'
            best = best_so_far(self.out_dir, key, done, self.is_better_than[key])
            for name, value in zip(('best_score', 'best_ckpt'), best or (None, None), strict=True):
                hub.runtime_info.pop(f'{name}{end}', None)
                if best is not None:
                    hub.update_info(f'{name}{end}', value)
            if alone:
                self.best_ckpt_path = best and best[1]
            else:
                self.best_ckpt_path_dict[key] = best and best[1]

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """As MMEngine, but the former best goes only after the new one is there.

        A metric that validation does not report is no error, since it would come after hours.
        """
        if not self.save_best:
            return
        complaint = unreported(self.key_indicators, metrics)
        if complaint not in (None, self._complaint):
            runner.logger.warning(complaint)
        self._complaint = complaint
        end = self.filename_tmpl.format(runner.epoch if self.by_epoch else runner.iter)
        names = {f'best_{key}_{end}'.replace('/', '_'): key for key in metrics}
        metrics = metrics | {key: None for key in self.key_indicators if key not in metrics}
        backend = self.file_backend
        self.file_backend = LateRemoval(backend)
        try:
            super()._save_best_checkpoint(SelectingRunner(runner, names, metrics), metrics)
            outdated = [path for path in self.file_backend.waiting if path != self._best(path)]
        finally:
            self.file_backend = backend
        for path in outdated:
            self._remove(path)

    def _best(self, path: str) -> str | None:
        """Return ``path`` if it is (again) a best checkpoint."""
        best = [getattr(self, 'best_ckpt_path', None)]
        best += getattr(self, 'best_ckpt_path_dict', {}).values()
        return path if path in best else None

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)


@contextmanager
def _full_disk_named(runner: Runner, previous: str | None) -> Iterator[None]:
    """Add to the error of a full disk what is still safe and how to go on."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        safe = f'the last good checkpoint is {previous}' if previous else 'nothing was saved yet'
        raise OSError(
            error.errno,
            f'cannot save iteration {runner.iter + 1}: {error.strerror}; {safe}. Make room and '
            'go on with --resume',
        ) from error
