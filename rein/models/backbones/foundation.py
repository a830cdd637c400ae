"""Any timm model as a frozen MMSegmentation backbone with adapters on its blocks."""

from collections.abc import Sequence
from typing import Literal

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from rein.models.adapters.base import BlockHook
from rein.models.backbones.body import check_input_size, create_body, describe_body
from rein.models.backbones.weights import load_weights

TRAIN = ('none', 'adapter', 'all')


@MODELS.register_module()
class FoundationBackbone(BaseModule):
    """A timm model, frozen at construction, read at several depths.

    Args:
        model: name of a timm model, such as ``'vit_large_patch14_dinov2.lvd142m'``.
        model_args: keyword arguments for ``timm.create_model``, such as
            ``dict(img_size=512, patch_size=16, dynamic_img_size=True)``.
        out_indices: which maps to return: block numbers of a plain transformer (by default
            four, evenly spaced), stage numbers 0-3 of a hierarchical model (by default all).
        train: ``'none'`` freezes everything, ``'adapter'`` all but adapter and pyramid,
            ``'all'`` nothing.
        adapter: config of the adapter, less ``layers`` and ``dims``. ``blocks`` in it names the
            blocks of a plain transformer that it follows, by default all. Every stage of a
            hierarchical model gets an instance of its own.
        weights: ``dict(source=a file or a name, resample='bicubic' or 'pseudo_inverse')`` as
            ``load_weights`` takes them; None leaves the body random.
        pyramid: config of the part that turns the equal-sized maps of a plain transformer into
            a pyramid, by default ``dict(type='ResizePyramid')``; a hierarchical model gives
            its own strides and takes none.
        with_cp: recompute the blocks in the backward pass instead of storing them
            (non-reentrant activation checkpointing).

    Attributes:
        channels: width of each map returned.
        strides: image pixels per position of each map returned.
    """

    def __init__(
        self,
        model: str,
        *,
        model_args: dict | None = None,
        out_indices: Sequence[int] | None = None,
        train: Literal['none', 'adapter', 'all'] = 'adapter',
        adapter: dict | None = None,
        weights: dict | None = None,
        pyramid: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if train not in TRAIN:
            raise ValueError(f'backbone.train is {train!r}; use one of {TRAIN}')
        self.model = model
        self.trained = train
        self.body = create_body(model, model_args or {})
        layout = describe_body(self.body, model)
        self.out_indices = _check_indices(out_indices, len(layout.channels))
        if weights is not None:
            load_weights(self.body, **weights)
        self._take = [index + layout.offset for index in self.out_indices]
        self.body.prune_intermediate_layers(self._take, prune_norm=True, prune_head=True)
        self.channels = [layout.channels[index] for index in self.out_indices]
        strides = [layout.strides[index] for index in self.out_indices]
        self.pyramid = self._build_pyramid(pyramid, plain=len(layout.groups) == 1)
        scales = getattr(self.pyramid, 'scales', (1,) * len(strides))
        self.strides = [round(s / scale) for s, scale in zip(strides, scales, strict=True)]
        self.adapter = None if adapter is None else self._attach(dict(adapter), layout)
        if with_cp:
            self.body.set_grad_checkpointing(enable=True)
        self._freeze()

    def _build_pyramid(self, pyramid: dict | None, *, plain: bool) -> nn.Module | None:
        if not plain:
            if pyramid is not None:
                raise ValueError(
                    f'backbone.pyramid is for plain transformers; {self.model!r} gives maps at '
                    'strides of its own: leave the key out'
                )
            return None
        built = MODELS.build(
            {'type': 'ResizePyramid', **(pyramid or {}), 'channels': self.channels}
        )
        if len(built.scales) != len(self.channels):
            raise ValueError(
                f'backbone.pyramid has {len(built.scales)} scales for {len(self.channels)} '
                f'out_indices {self.out_indices}; give as many of the one as of the other'
            )
        return built

    def _attach(self, config: dict, layout: object) -> nn.Module:
        """Build the adapter and hook it behind the blocks that it follows."""
        chosen = config.pop('blocks', None)
        if chosen is not None and len(layout.groups) > 1:
            raise ValueError(
                f'backbone.adapter.blocks {chosen} is for plain transformers; an adapter on '
                f'{self.model!r} follows every block of every stage: leave the key out'
            )
        # Blocks behind the last map are pruned: an adapter there would never be called.
        depth = max(self.out_indices) + 1 if len(layout.groups) == 1 else len(layout.groups)
        groups = [layout.groups[0][:depth]] if len(layout.groups) == 1 else layout.groups[:depth]
        adapters = nn.ModuleList()
        for group, dims in zip(groups, layout.widths[: len(groups)], strict=True):
            numbers = _check_indices(chosen, len(group), key='adapter.blocks', every=True)
            adapter = MODELS.build({**config, 'layers': len(numbers), 'dims': dims})
            adapters.append(adapter)
            for layer, number in enumerate(numbers):
                hook = BlockHook(adapter, layer, layout.layout, layout.prefix)
                group[number].register_forward_hook(hook)
        return adapters[0] if len(layout.groups) == 1 else adapters

    def _freeze(self) -> None:
        if self.trained == 'none':
            self.requires_grad_(requires_grad=False)
        elif self.trained == 'adapter':
            self.body.requires_grad_(requires_grad=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> 'FoundationBackbone':  # noqa: FBT001, FBT002
        """Set the mode as PyTorch does, but keep a frozen body in eval mode."""
        super().train(mode)
        if self.trained != 'all':
            self.body.eval()
        return self

    def init_weights(self) -> None:
        """Do nothing: the weights are in place since construction."""

    def frozen_state_keys(self) -> list[str]:
        """Keys of ``state_dict()`` that training never changes."""
        if self.trained == 'all':
            return []
        return [f'body.{key}' for key in self.body.state_dict()]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``images``.

        Args:
            images: (B, 3, H, W), normalised.

        Returns:
            A map (B, channels[i], H / strides[i], W / strides[i]) for each of ``out_indices``.

        Raises:
            ValueError: the body cannot take images of that size.
        """
        check_input_size(self.body, self.model, images.shape[-2:])
        maps = self.body.forward_intermediates(
            images, indices=self._take, stop_early=True, intermediates_only=True
        )
        return tuple(maps if self.pyramid is None else self.pyramid(maps))

    def queries(self) -> Tensor | None:
        """Mask queries (m, query_dims) from the adapters' tokens, summed over stages.

        None where no adapter makes any.
        """
        if self.adapter is None:
            return None
        stages = self.adapter if isinstance(self.adapter, nn.ModuleList) else [self.adapter]
        parts = [stage.mask_queries() for stage in stages if hasattr(stage, 'mask_queries')]
        parts = [part for part in parts if part is not None]
        return sum(parts[1:], start=parts[0]) if parts else None


def _check_indices(
    indices: Sequence[int] | None, depth: int, key: str = 'out_indices', *, every: bool = False
) -> list[int]:
    """Resolve block or stage numbers: None means all, or four evenly spaced ones."""
    if indices is None:
        if every or depth <= 4:
            return list(range(depth))
        return [(k + 1) * depth // 4 - 1 for k in range(4)]
    chosen = list(indices)
    if not chosen or chosen != sorted(set(chosen)) or chosen[0] < 0 or chosen[-1] >= depth:
        raise ValueError(
            f'backbone.{key} is {chosen}; use rising numbers from 0 to {depth - 1} of the '
            f'{depth} blocks or stages there are'
        )
    return chosen
