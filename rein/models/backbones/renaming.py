"""From the keys of a foundation model's weight file to those of the timm model."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from rein.models.backbones.layouts import DINOV3, LAYOUTS, TRANSFORMERS, UNKNOWN, Layout, recognise
from rein.models.backbones.transformers_layout import to_original
from rein.models.backbones.weight_files import WeightsError

OWN = 'backbone.body.'
WRAPPED = re.compile(r'^(?:segmentor\.)+')  # a segmentor inside a wrapper
# Parts behind the last block, from which no map is read: heads, poolings, final norms, SAM's
# neck, and what only pretraining needs. Loaded where file and body have them, else left out.
TAIL = re.compile(
    r'(norm|fc_norm|neck|attn_pool|head|head_dist|fc|classifier|lm_head|mask_token)(\.|$)'
)
# What stands beside 'backbone.' in the files of segmentors and of pretraining.
BESIDE_BACKBONE = (
    *('decode_head.', 'auxiliary_head.', 'head.', 'neck.', 'data_preprocessor.'),
    *('dino_head.', 'ibot_head.'),
)
TRAINED_BY_REIN = re.compile(r'(reins|fpn[1-4])\.')


@dataclass
class Renamed:
    """The tensors of a file under timm's keys.

    Attributes:
        state: by key.
        layout: what the file was recognised as.
        strangers: keys of the file that no such file should have, as they stand there.
        own: whether the file is a checkpoint of this package, with a body made ready before.
    """

    state: dict[str, Tensor]
    layout: Layout
    strangers: list[str]
    own: bool = False


def unwrapped(key: str) -> str:
    """Key of a segmentor by itself, whatever wrapper it was trained in."""
    return WRAPPED.sub('', key)


def is_own_body(key: str) -> bool:
    """Tell whether it is the key of a body in a checkpoint of this package."""
    return unwrapped(key).startswith(OWN)


def to_timm(tensors: Mapping[str, Tensor], body: nn.Module) -> Renamed:
    """Rename the tensors of a weight file to the keys of ``body``.

    What belongs to another model in the file (a text tower, a mask decoder, a segmentation head)
    is dropped by name; so is a part behind the last block that ``body`` lacks.

    Args:
        tensors: as ``read_checkpoint`` gives them.
        body: a timm model; sizes need not agree.

    Raises:
        WeightsError: the file holds no body, or its layout is not known here.
    """
    if any(is_own_body(key) for key in tensors):
        state = {
            unwrapped(key)[len(OWN) :]: value for key, value in tensors.items() if is_own_body(key)
        }
        return Renamed(state, recognise(state), [], own=True)
    inner, strangers = _out_of_backbone(tensors)
    inner = to_original(inner)
    layout = recognise(inner)
    _check_layout(layout, inner)
    inner = {key: value for key, value in inner.items() if not key.startswith(layout.beside)}
    strangers += [key for key in inner if not key.startswith(layout.prefix)]
    for pattern, replacement in layout.rename:
        inner = {re.sub(pattern, replacement, key): value for key, value in inner.items()}
    if layout is DINOV3:
        inner = _without_zero_biases(inner, body)
    renamed = _by_timm(inner, body)
    own = body.state_dict().keys()
    state = {key: value for key, value in renamed.items() if key in own or not TAIL.match(key)}
    return Renamed(state, layout, strangers)


def _out_of_backbone(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Take the body out of a segmentor or a pretraining model; second: what does not belong."""
    prefix = 'backbone.'
    if not any(key.startswith(prefix) for key in tensors):
        return dict(tensors), []
    inner = {
        key.removeprefix(prefix): value
        for key, value in tensors.items()
        if key.startswith(prefix) and not TRAINED_BY_REIN.match(key.removeprefix(prefix))
    }
    if not inner:
        raise WeightsError(
            'it holds the adapter and the head of a Rein release, but no body; give the body in '
            'backbone.weights.source, and bring both together with tools/convert_checkpoint.py '
            'rein CONFIG --backbone BODY --rein-and-head THIS_FILE --out OUT.pth'
        )
    beside = [key for key in tensors if not key.startswith(prefix)]
    return inner, [key for key in beside if not key.startswith(BESIDE_BACKBONE)]


def _check_layout(layout: Layout, keys: Mapping[str, Tensor]) -> None:
    if layout is TRANSFORMERS:
        raise WeightsError(
            'it is in the layout of Hugging Face transformers, of which only DINOv2, DINOv3 and '
            'CLIP are read here; take the original file of the project, or the same weights in '
            'timm layout by their timm name'
        )
    if layout is UNKNOWN:
        names = [known.name for known in LAYOUTS if known is not TRANSFORMERS]
        raise WeightsError(
            f'its layout is unknown: its keys begin with {", ".join(list(keys)[:6])}; known are '
            f'{", ".join(names)}'
        )


def _without_zero_biases(state: dict[str, Tensor], body: nn.Module) -> dict[str, Tensor]:
    """Leave out DINOv3's query and value biases, all zero, for a body that has none."""
    if any(key.endswith('.q_bias') for key in body.state_dict()):
        return state
    for key, bias in state.items():
        if key.endswith('attn.qkv.bias'):
            query, _, value = bias.chunk(3)  # the bias of the keys is masked in the original
            if query.any() or value.any():
                raise WeightsError(
                    f'{key} is not zero, and the body has no such bias; use the timm model of the '
                    'same name with _qkvb, such as vit_large_patch16_dinov3_qkvb'
                )
    return {key: value for key, value in state.items() if not key.endswith('attn.qkv.bias')}


class _SameSizes:
    """Stands in for a body whose sizes are those of the file, so that timm renames only."""

    def __init__(self, body: nn.Module, state: Mapping[str, Tensor]) -> None:
        self._body = body
        self.pos_embed = None
        kernels = [
            value
            for key, value in state.items()
            if key.endswith(('patch_embed.proj.weight', 'conv1.weight')) and value.ndim == 4
        ]
        if kernels:
            kernel = torch.empty(kernels[0].shape, device='meta')
            self.patch_embed = SimpleNamespace(proj=SimpleNamespace(weight=kernel))

    def __getattr__(self, name: str) -> object:
        return getattr(self._body, name)


def _by_timm(state: dict[str, Tensor], body: nn.Module) -> dict[str, Tensor]:
    """Rename by the function that timm itself uses for this kind of model."""
    module = sys.modules[type(body).__module__]
    convert = getattr(module, 'checkpoint_filter_fn', None)
    if convert is None:
        return state
    try:
        return convert(dict(state), _SameSizes(body, state))
    except (KeyError, RuntimeError, AttributeError, TypeError, ValueError, AssertionError):
        # Made for files of its own model only; the comparison that follows says what is wrong.
        return state
