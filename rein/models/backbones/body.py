"""What the package needs to know of a timm model: its blocks, their layout, its strides."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import timm
from torch import nn

from rein.models.adapters.base import Layout

STAGES = 4  # a hierarchical body is read at its last four stages, strides 4 to 32


@dataclass
class BodyLayout:
    """Where the maps of a timm model come from.

    Attributes:
        groups: the blocks that adapters may follow; one group for a plain transformer, one for
            each stage of a hierarchical body.
        widths: channels of the blocks of each group.
        layout: how a block lays out its output.
        prefix: class and register tokens before the patch tokens.
        channels: channels of every readable map, in timm's order.
        strides: image pixels per position of every readable map.
        offset: how many of timm's maps lie before the first readable one (a stem).
    """

    groups: list[list[nn.Module]]
    widths: list[int]
    layout: Layout
    prefix: int
    channels: list[int]
    strides: list[int]
    offset: int = field(default=0)


def create_body(model: str, model_args: dict) -> nn.Module:
    """Create a timm model by name, with random weights and without a classifier.

    Raises:
        ValueError: timm knows no model of that name, or the model takes no such argument.
    """
    architecture = model.split('.')[0]
    if not timm.is_model(architecture):
        near = timm.list_models(f'*{architecture.split("_")[-1]}*')[:5]
        raise ValueError(
            f'backbone.model {model!r} is no timm model; use a name of timm.list_models(), '
            f'such as {near or timm.list_models("vit_*")[:5]}'
        )
    try:
        return timm.create_model(model, pretrained=False, num_classes=0, **model_args)
    except TypeError as error:
        raise ValueError(
            f'backbone.model_args {model_args} do not fit the timm model {model!r}: {error}'
        ) from error


def describe_body(body: nn.Module, model: str) -> BodyLayout:
    """Find the blocks and the maps of a timm model.

    Raises:
        ValueError: the model offers neither a list of blocks nor four stages of features.
    """
    info = list(getattr(body, 'feature_info', []))
    if hasattr(body, 'patch_embed') and len(info) == len(getattr(body, 'blocks', ())) > 0:
        return _describe_plain(body, info)
    if not hasattr(body, 'forward_intermediates') or len(info) < STAGES:
        raise ValueError(
            f'backbone.model {model!r} cannot be read in the middle: timm gives it '
            f'{len(info)} feature maps; use a plain vision transformer or a hierarchical model '
            f'with at least {STAGES} stages'
        )
    return _describe_stages(body, info)


def _describe_plain(body: nn.Module, info: Sequence[dict]) -> BodyLayout:
    prefix = getattr(body, 'num_prefix_tokens', None)  # SAM keeps its tokens as a map
    return BodyLayout(
        groups=[list(body.blocks)],
        widths=[info[0]['num_chs']],
        layout='NHWC' if prefix is None else 'tokens',
        prefix=prefix or 0,
        channels=[each['num_chs'] for each in info],
        strides=[each['reduction'] for each in info],
    )


def _describe_stages(body: nn.Module, info: Sequence[dict]) -> BodyLayout:
    stages = [body.get_submodule(each['module']) for each in info[-STAGES:]]
    widths = [each['num_chs'] for each in info[-STAGES:]]
    return BodyLayout(
        groups=[list(getattr(stage, 'blocks', None) or stage.children()) for stage in stages],
        widths=widths,
        layout='NHWC' if getattr(body, 'output_fmt', 'NCHW') == 'NHWC' else 'NCHW',
        prefix=0,
        channels=widths,
        strides=[each['reduction'] for each in info[-STAGES:]],
        offset=len(info) - STAGES,
    )


def check_input_size(body: nn.Module, model: str, size: tuple[int, int]) -> None:
    """Refuse an image that the body cannot take, naming the nearest sizes it can.

    Args:
        body: a timm model.
        model: its name, for the message.
        size: height and width of the image in pixels.

    Raises:
        ValueError: ``size`` is not the fixed one, or not a multiple of the patch.
    """
    embed = getattr(body, 'patch_embed', None)
    patch = getattr(embed, 'patch_size', None)
    if patch is None or getattr(embed, 'dynamic_img_pad', False):
        return
    if getattr(embed, 'strict_img_size', False) and embed.img_size is not None:
        if tuple(size) != tuple(embed.img_size):
            raise ValueError(
                f'image size {tuple(size)}: {model!r} was built for {tuple(embed.img_size)} '
                'alone; set model_args.img_size to yours, or model_args.dynamic_img_size=True'
            )
        return
    if any(length % step for length, step in zip(size, patch, strict=True)):
        below = tuple(max(n // p, 1) * p for n, p in zip(size, patch, strict=True))
        above = tuple(-(-n // p) * p for n, p in zip(size, patch, strict=True))
        raise ValueError(
            f'image size {tuple(size)} is not a multiple of the patch size {tuple(patch)} of '
            f'{model!r}; use {below} or {above}'
        )
