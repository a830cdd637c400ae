"""What a mask head refuses, each with what to do about it."""

from collections.abc import Sequence

from torch import Tensor

QUERIES = ('learned', 'external', 'external_position')


def check_maps(in_channels: Sequence[int] | None, strides: Sequence[int] | None) -> None:
    """Refuse maps that the head cannot be built for.

    Raises:
        ValueError: not four maps, or not the finest first.
    """
    if in_channels is None:
        raise ValueError(
            'decode_head.in_channels is missing: FoundationSegmentor fills it in from the '
            'backbone; in another segmentor give the channels of its four maps'
        )
    if isinstance(in_channels, int) or len(in_channels) != 4:
        raise ValueError(
            f'decode_head.in_channels is {in_channels}; four maps are needed, the finest first: '
            'give four channels, and four out_indices to the backbone'
        )
    if strides is None:
        return
    if len(strides) != len(in_channels) or list(strides) != sorted(strides):
        raise ValueError(
            f'decode_head.strides is {list(strides)}; allowed is one for each of the '
            f'{len(in_channels)} maps, the finest first, such as [4, 8, 16, 32]'
        )


def check_count(maps: Sequence[Tensor], in_channels: Sequence[int]) -> None:
    """Refuse another number of maps than the head was built for.

    Raises:
        ValueError: so.
    """
    if len(maps) != len(in_channels):
        raise ValueError(
            f'{len(maps)} maps came, but decode_head was built for {len(in_channels)} '
            f'(in_channels {list(in_channels)}); change out_indices of the backbone'
        )


def check_queries(queries: Tensor | None, shape: tuple[int, int, int], source: str) -> None:
    """Refuse queries that the head was not built for.

    Args:
        queries: what came.
        shape: (B, Q, C) that the head works with.
        source: where its config says that queries come from, one of ``QUERIES``.

    Raises:
        ValueError: queries came and are not wanted or the other way round, or their shape is
            neither (Q, C) nor (B, Q, C).
    """
    if source == 'learned':
        if queries is None:
            return
        raise ValueError(
            "decode_head.queries is 'learned', but queries came from outside; use 'external' or "
            "'external_position', or set backbone.adapter.queries=None"
        )
    if queries is None:
        raise ValueError(
            f'decode_head.queries is {source!r}, but no queries came; use FoundationSegmentor '
            "with an adapter that makes them (backbone.adapter.queries=dict(type='TokenQueries'))"
            ", or decode_head.queries='learned'"
        )
    batch, number, dims = shape
    if queries.shape[-1] != dims:
        raise ValueError(
            f'queries are {queries.shape[-1]} wide, but decode_head.feat_channels is {dims}; set '
            f'backbone.adapter.queries.dims={dims}'
        )
    if queries.shape[-2] != number:
        raise ValueError(
            f'{queries.shape[-2]} queries came, but decode_head.num_queries is {number}; make it '
            'equal to backbone.adapter.token_length'
        )
    if tuple(queries.shape[:-2]) not in ((), (batch,)):
        raise ValueError(
            f'queries {tuple(queries.shape)} came with {batch} images; allowed are '
            f'{(number, dims)} for all and {(batch, number, dims)} for each'
        )
