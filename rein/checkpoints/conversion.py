"""Checkpoint files from one form into another: Rein's releases, exports, and what is in a file."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn

from rein.checkpoints import blindnet_release, clouds_release, uda_release
from rein.checkpoints.comparison import misfits, shortened
from rein.checkpoints.writing import NOTE, meta_of, origin, refuse_same, write_checkpoint
from rein.hooks.fingerprint import describe_body, differences, frozen_state_keys
from rein.models.backbones.rein_release import describe_release, from_release, is_release
from rein.models.backbones.renaming import OWN, TRAINED_BY_REIN, WRAPPED, is_own_body, unwrapped
from rein.models.backbones.weight_files import WeightFile, WeightsError, open_weights
from rein.models.backbones.weights import fill_body
from rein.runtime.settings import inner_segmentor, load_config

ADAPTER = 'backbone.adapter.'
MEASURED = re.compile(r'losses\..*\.(?:trials|chosen_\d+)')  # by a hook, in training
UNUSED_LINK = ('queries.transform.', 'queries.merge.')


def convert_release(config: str, backbone: str, rein_and_head: str, out: str) -> str:
    """Bring a Rein release and its body into one checkpoint that ``tools/test.py`` takes.

    Args:
        config: path of a config of this package; it says how large everything is.
        backbone: the body, in the layout of its authors or converted by Rein.
        rein_and_head: the release: ``backbone.reins.*`` and ``decode_head.*``.
        out: the file to write; whole, or not there.

    Returns:
        What was written, in a sentence.

    Raises:
        WeightsError: a file cannot be read, is another one, or does not fit ``config``.
    """
    refuse_same(out, backbone, rein_and_head)
    release = open_weights(rein_and_head)
    if not is_release(release.tensors):
        raise WeightsError(
            f'{rein_and_head} is no Rein release: it has no backbone.reins.*, its keys begin '
            f'with {shortened(release.tensors)}'
        )
    settings = load_config(config, {})
    model = _build(settings, backbone)
    state = from_release({k: v for k, v in release.tensors.items() if not _is_their_body(k)})
    own = model.state_dict()
    if not any(key.startswith('backbone.adapter.queries') for key in own):
        # Without the link to the head a release has these all the same, and never uses them.
        state = {k: v for k, v in state.items() if not any(part in k for part in UNUSED_LINK)}
    frozen = set(frozen_state_keys(model))
    wrong = misfits(state, own, frozen.__contains__)
    if wrong:
        raise WeightsError(
            '\n'.join([f'{rein_and_head} does not fit {config}.', *wrong])
            + f'\nThe release was trained with {describe_release(state)}; make CONFIG agree'
        )
    model.load_state_dict(state, strict=False)
    sources = {'backbone': backbone, 'rein_and_head': rein_and_head}
    meta = {**meta_of(settings), 'converted_from': {k: origin(v) for k, v in sources.items()}}
    write_checkpoint(Path(out), model.state_dict(), {'meta': meta, 'body': _described(model)})
    return f'{out}: {len(own)} tensors, {len(state)} of them from {Path(rein_and_head).name}'


def convert_network(config: str, checkpoint: str, out: str) -> str:
    """Rename a release of BlindNet or RobustNet to a checkpoint that ``tools/test.py`` takes.

    Args:
        config: path of a config of this package; it says how large everything is.
        checkpoint: the release. Its projection heads, which only training uses, are left out
            where the config has none.
        out: the file to write; whole, or not there.

    Returns:
        What was written, in a sentence.

    Raises:
        WeightsError: a file cannot be read, is another one, or does not fit ``config``.
    """
    release = _release(checkpoint, out, blindnet_release, 'BlindNet or RobustNet', 'aspp.*')
    settings = load_config(config, {})
    init_default_scope(settings.get('default_scope', 'mmseg'))
    own = MODELS.build(settings.model).state_dict()
    state = blindnet_release.from_release(release.tensors)
    if not any(WRAPPED.match(key) for key in own):
        state = {unwrapped(key): value for key, value in state.items()}
    unused = [key for key in state if key.startswith('losses.') and key not in own]
    state = {key: value for key, value in state.items() if key not in unused}
    _must_fit(checkpoint, config, misfits(state, own, MEASURED.match))
    meta = {**meta_of(settings), 'converted_from': {'checkpoint': origin(checkpoint)}}
    write_checkpoint(Path(out), {**own, **state}, {'meta': meta})
    left = f'; {len(unused)} of its projection heads left out' if unused else ''
    return f'{out}: {len(own)} tensors, {len(state)} of them from {Path(checkpoint).name}{left}'


def convert_clouds(config: str, checkpoint: str, out: str) -> str:
    """Rename a release of CLOUDS, CLIP and all, to a checkpoint that ``tools/test.py`` takes.

    Args:
        config: path of a config of this package, of either stage; it says how large everything is.
        checkpoint: the release. Its text encoder is left out.
        out: the file to write; whole, or not there. It begins the second stage, too.

    Returns:
        What was written, in a sentence.

    Raises:
        WeightsError: a file cannot be read, is another one, or does not fit ``config``.
    """
    lacking = f'{clouds_release.HEAD}predictor.*'
    release = _release(checkpoint, out, clouds_release, 'CLOUDS', lacking)
    settings = load_config(config, {})
    plain = inner_segmentor(settings.model)
    plain['backbone']['weights'] = None  # the release brings them
    model = _build(Config({**settings, 'model': plain}))
    state = clouds_release.head_from_release(release.tensors)
    own = model.decode_head.state_dict()
    _must_fit(checkpoint, config, misfits(state, own, lambda _: False))
    model.decode_head.load_state_dict(state)
    clip = replace(release, tensors=clouds_release.clip_from_release(release.tensors))
    fill_body(model.backbone.body, clip, Path(checkpoint))
    meta = {**meta_of(settings), 'converted_from': {'checkpoint': origin(checkpoint)}}
    whole = model.state_dict()
    write_checkpoint(Path(out), whole, {'meta': meta, 'body': _described(model)})
    return f'{out}: {len(whole)} tensors, {len(state)} of them of the head'


def convert_uda(config: str, checkpoint: str, out: str) -> str:
    """Rename a release of DAFormer, HRDA, MIC or DATUM to a checkpoint for ``tools/test.py``.

    Args:
        config: path of a config of this package; it says how large everything is.
        checkpoint: the release. What it holds of teacher and ImageNet's copy is left out.
        out: the file to write; whole, or not there.

    Returns:
        What was written, in a sentence.

    Raises:
        WeightsError: a file cannot be read, is another one, or does not fit ``config``.
    """
    lacking = 'backbone.* and decode_head.*'
    release = _release(checkpoint, out, uda_release, 'DAFormer and its heirs', lacking)
    settings = load_config(config, {})
    init_default_scope(settings.get('default_scope', 'mmseg'))
    own = MODELS.build(inner_segmentor(settings.model)).state_dict()
    state = uda_release.from_release(release.tensors)
    _must_fit(checkpoint, config, misfits(state, own, lambda _: False))
    meta = {**meta_of(settings), 'converted_from': {'checkpoint': origin(checkpoint)}}
    write_checkpoint(Path(out), state, {'meta': meta})
    return f'{out}: {len(state)} tensors of the student, of {len(release.tensors)}'


def _release(checkpoint: str, out: str, kind: ModuleType, of: str, lacking: str) -> WeightFile:
    """Read a release that ``kind.is_release`` knows; ``lacking`` are keys that others lack."""
    refuse_same(out, checkpoint)
    release = open_weights(checkpoint)
    if not kind.is_release(release.tensors):
        raise WeightsError(
            f'{checkpoint} is no release of {of}: it has no {lacking}, its keys begin with '
            f'{shortened(release.tensors)}'
        )
    return release


def _must_fit(checkpoint: str, config: str, wrong: Sequence[str]) -> None:
    if wrong:
        raise WeightsError('\n'.join([f'{checkpoint} does not fit {config}.', *wrong]))


def export(
    checkpoint: str, out: str, config: str | None = None, *, adapter_only: bool = False
) -> str:
    """Write a checkpoint as a file to hand on: without optimizer, with or without the body.

    Args:
        checkpoint: as training, ``convert_release`` or this function wrote it.
        out: ``.safetensors``, or ``.pth`` for a file that ``tools/test.py`` takes.
        config: the config of the training, from which a missing body is filled in.
        adapter_only: leave the body out; the file then says which body it needs.

    Returns:
        What was written, in a sentence.

    Raises:
        WeightsError: the body is needed and cannot be had, is another one than the adapter was
            trained on, or was trained itself and cannot be left out.
    """
    refuse_same(out, checkpoint)
    file = open_weights(checkpoint)
    notes = _notes(file)
    if not any(unwrapped(key).startswith(('backbone.', 'decode_head.')) for key in file.tensors):
        raise WeightsError(
            f'{checkpoint} is no checkpoint of this package; its keys begin with '
            f'{shortened(file.tensors)}'
        )
    state = dict(file.tensors)
    has_body = any(is_own_body(key) for key in state)
    needs_body = notes.get('body') is not None or any(
        unwrapped(key).startswith(ADAPTER) for key in state
    )
    if adapter_only:
        if has_body and notes.get('body') is None:
            raise WeightsError(
                f'{checkpoint} does not say that its body was frozen, so it may have been '
                'trained; leave --adapter-only out'
            )
        state = {key: value for key, value in state.items() if not is_own_body(key)}
    elif needs_body and not has_body:
        state |= _body_of(config, checkpoint, notes.get('body'))
    write_checkpoint(Path(out), state, notes)
    return f'{out}: {len(state)} tensors'


def export_body(checkpoint: str | Path, out: str | Path, meta: Mapping[str, object]) -> str:
    """Write the body of a checkpoint as weights for other models: timm's keys, half precision.

    Args:
        checkpoint: of a training with ``backbone.train='all'``, so that the body is in it.
        out: ``.safetensors``; ``backbone.weights.source`` takes it.
        meta: what the file says of itself, such as the command that made it.

    Returns:
        What was written, in a sentence.

    Raises:
        WeightsError: there is no body in the checkpoint.
    """
    refuse_same(str(out), str(checkpoint))
    tensors = open_weights(checkpoint).tensors
    body = {unwrapped(k)[len(OWN) :]: v.half() for k, v in tensors.items() if is_own_body(k)}
    if not body:
        raise WeightsError(
            f"{checkpoint} holds no body: it was frozen; train it with backbone.train='all'"
        )
    write_checkpoint(Path(out), body, {'meta': dict(meta)})
    numbers = sum(tensor.numel() for tensor in body.values())
    return f'{out}: {numbers:,} parameters, {Path(out).stat().st_size / 1e6:.1f} MB'


def _body_of(config: str | None, checkpoint: str, described: Mapping | None) -> dict[str, Tensor]:
    """Make the body that a checkpoint was trained on; its tensors by their keys in the model."""
    if config is None:
        raise WeightsError(
            f'{checkpoint} holds no body; give --config CONFIG to fill it in, or --adapter-only'
        )
    model = _build(load_config(config, {}))
    if described is not None and (found := differences(described, _described(model) or {})):
        raise WeightsError(
            f'{checkpoint} was trained on another body than {config} has '
            f'({described["model"]}, fingerprint {described["fingerprint"]}): {shortened(found)}; '
            'give the config of the training, with the same backbone.weights'
        )
    keys = frozen_state_keys(model)
    own = model.state_dict()
    return {key: own[key] for key in keys}


def _build(config: Config, body: str | None = None) -> nn.Module:
    """Build the segmentor of a config, with the weights of ``body`` where that is given."""
    backbone = inner_segmentor(config.model)['backbone']
    if backbone.get('type') != 'FoundationBackbone':
        raise WeightsError(
            f"model.backbone.type is {backbone.get('type')!r}; only a 'FoundationBackbone' has a "
            'body to fill in'
        )
    if body is not None:
        backbone['weights'] = {**(backbone.get('weights') or {}), 'source': body}
    init_default_scope(config.get('default_scope', 'mmseg'))
    return MODELS.build(config.model)


def _described(model: nn.Module) -> dict | None:
    keys = frozen_state_keys(model)
    return describe_body(model, keys) if keys else None


def _is_their_body(key: str) -> bool:
    """Tell the body's keys in a release that was put together with it."""
    return key.startswith('backbone.') and not TRAINED_BY_REIN.match(key.removeprefix('backbone.'))


def _notes(file: WeightFile) -> dict:
    """Return what a file of this package says of itself: ``meta`` and ``body``."""
    if file.container == 'safetensors':
        return json.loads(file.rest.get(NOTE, '{}'))
    return {key: file.rest[key] for key in ('meta', 'body') if file.rest.get(key) is not None}
