"""ImageNet weights of MiT in the layouts of SegFormer, of transformers and of MMSegmentation."""

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from rein.checkpoints.comparison import misfits
from rein.models.backbones.downloads import find_weights
from rein.models.backbones.weight_files import WeightsError, read_checkpoint

# A block's layer in SegFormer's code and in transformers, and its name in MMSegmentation.
LAYERS = (
    ('norm1', 'layer_norm_1', 'norm1'),
    ('attn.sr', 'attention.self.sr', 'attn.sr'),
    ('attn.norm', 'attention.self.layer_norm', 'attn.norm'),
    ('attn.proj', 'attention.output.dense', 'attn.attn.out_proj'),
    ('norm2', 'layer_norm_2', 'norm2'),
    ('mlp.fc1', 'mlp.dense1', 'ffn.layers.0'),
    ('mlp.dwconv.dwconv', 'mlp.dwconv.dwconv', 'ffn.layers.1'),
    ('mlp.fc2', 'mlp.dense2', 'ffn.layers.4'),
)
POINTWISE = ('ffn.layers.0.weight', 'ffn.layers.4.weight')  # convolutions there, linear elsewhere
CLASSIFIER = ('head.', 'classifier.')
TRANSFORMERS = 'segformer.encoder.'


def load_mit(network: nn.Module, source: str) -> None:
    """Load weights into a ``MixTransformer``, all or nothing.

    Args:
        network: to be filled.
        source: a file in any of the three layouts, or a name such as ``'hf-hub:nvidia/mit-b5'``.

    Raises:
        WeightsError: no such file or name, no download, damaged, or not of this network.
    """
    path = find_weights(source)
    state = to_mmseg(read_checkpoint(path))
    complaints = misfits(state, network.state_dict(), lambda _: False)
    if complaints:
        raise WeightsError(
            '\n'.join([f'{path} does not fit {type(network).__name__}.', *complaints])
        )
    network.load_state_dict(state)


def to_mmseg(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under MMSegmentation's keys; the classifier is left out."""
    kept = {
        key.removeprefix('backbone.'): value
        for key, value in state.items()
        if not key.startswith(CLASSIFIER)
    }
    if any(key.startswith('patch_embed1.') for key in kept):
        kept = _renamed(kept, _of_segformer)
    elif any(key.startswith(TRANSFORMERS) for key in kept):
        kept = {key.removeprefix(TRANSFORMERS): value for key, value in kept.items()}
        kept = _renamed(kept, _of_transformers)
    return kept


def _renamed(
    state: dict[str, Tensor], rename: Callable[[str], tuple[str, str | None]]
) -> dict[str, Tensor]:
    """Rename, and put what is one matrix in MMSegmentation together."""
    found: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        name, part = rename(key)
        if part is not None:
            parts.setdefault(name, {})[part] = value
        elif name.endswith(POINTWISE):
            found[name] = value[..., None, None]
        else:
            found[name] = value
    for name, each in parts.items():  # in the order query, key, value
        found[name] = torch.cat([each[part] for part in ('q', 'k', 'v', 'kv') if part in each])
    return found


def _of_segformer(key: str) -> tuple[str, str | None]:
    key = re.sub(r'^(patch_embed|block|norm)(\d)', lambda m: f'{m[1]}.{int(m[2]) - 1}', key)
    return _placed(key, 0, r'attn\.(q|kv)\.(weight|bias)')


def _of_transformers(key: str) -> tuple[str, str | None]:
    key = re.sub(r'^patch_embeddings\.(\d)\.layer_norm', r'patch_embed.\1.norm', key)
    key = re.sub(r'^patch_embeddings', 'patch_embed', key)
    key = re.sub(r'^layer_norm\.', 'norm.', key)
    return _placed(key, 1, r'attention\.self\.(query|key|value)\.(weight|bias)')


def _placed(key: str, layout: int, attention: str) -> tuple[str, str | None]:
    """MMSegmentation's name of ``patch_embed.0.…``, ``block.0.1.…`` or ``norm.0.…``.

    Returns:
        The name, and which part of its matrix this is (``q``, ``k``, ``v``, ``kv``) or None.
    """
    if match := re.match(r'patch_embed\.(\d)\.(proj|norm)\.(\w+)$', key):
        stage, layer, kind = match.groups()
        return f'layers.{stage}.0.{"projection" if layer == "proj" else layer}.{kind}', None
    if match := re.match(r'norm\.(\d)\.(\w+)$', key):
        return f'layers.{match[1]}.2.{match[2]}', None
    match = re.match(r'block\.(\d)\.(\d+)\.(.+)$', key)
    if match is None:
        return key, None
    stage, number, rest = match.groups()
    block = f'layers.{stage}.1.{number}.'
    if inner := re.match(attention, rest):
        part = inner[1] if layout == 0 else inner[1][0]
        return f'{block}attn.attn.in_proj_{inner[2]}', part
    for names in LAYERS:
        if rest.startswith(f'{names[layout]}.'):
            return f'{block}{names[2]}{rest.removeprefix(names[layout])}', None
    return key, None
