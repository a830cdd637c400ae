"""Two ways to fit a body's weights to another patch size and another image size.

Most foundation models have patches of 14 pixels; dense heads want strides of 16. Both ways turn
the 14x14 patch kernel into a 16x16 one, and the results differ by 28 % in norm:

- ``'bicubic'`` treats the kernel as a picture and enlarges it; the tokens grow with its area. The
  released Rein adapters were trained on bodies converted this way.
- ``'pseudo_inverse'`` finds the kernel that gives, on an enlarged patch, the tokens of the
  original one (Beyer et al., FlexiViT, CVPR 2023), as timm does.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from timm.layers import resample_abs_pos_embed_nhwc, resample_patch_embed
from torch import Tensor, nn

KERNEL, TABLE, CLASS = 'patch_embed.proj.weight', 'pos_embed', 'cls_token'
RELATIVE = re.compile(r'attn\.rel_pos_[hw]$')


@dataclass(frozen=True)
class Resampling:
    """A way to resize what depends on patch and image size.

    Attributes:
        kernel: a patch kernel (O, I, h, w) and the new (h, w) -> (O, I, h, w).
        positions: a table (1, h, w, C), the new (h, w) and the name of an interpolation ->
            (1, h, w, C).
        clip_mode: the interpolation for the positions of CLIP; all others take bicubic.
        class_twice: whether CLIP's class embedding is added to its position, too.
    """

    kernel: Callable[[Tensor, tuple[int, int]], Tensor]
    positions: Callable[[Tensor, tuple[int, int], str], Tensor]
    clip_mode: str = 'bicubic'
    class_twice: bool = False


def enlarge_kernel(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a patch kernel (O, I, h, w) like a picture, without a change of amplitude."""
    return F.interpolate(kernel, size=size, mode='bicubic', align_corners=False)


def sharp_positions(positions: Tensor, size: tuple[int, int], mode: str = 'bicubic') -> Tensor:
    """Resize a table of positions (1, h, w, C) without antialiasing."""
    maps = positions.permute(0, 3, 1, 2)  # (1, C, h, w)
    return F.interpolate(maps, size=size, mode=mode, align_corners=False).permute(0, 2, 3, 1)


def smooth_positions(positions: Tensor, size: tuple[int, int], mode: str = 'bicubic') -> Tensor:
    """Resize a table of positions (1, h, w, C) as timm does, with antialiasing."""
    return resample_abs_pos_embed_nhwc(positions, list(size), interpolation=mode)


RESAMPLINGS = {
    # Rein took its CLIP from DenseCLIP: positions resized bilinearly, class embedding in twice.
    'bicubic': Resampling(enlarge_kernel, sharp_positions, 'bilinear', class_twice=True),
    'pseudo_inverse': Resampling(resample_patch_embed, smooth_positions),
}


def fit_sizes(state: dict[str, Tensor], body: nn.Module, resample: str) -> dict[str, Tensor]:
    """Resize what depends on patch and image size to the sizes of ``body``.

    That is the patch kernel, the table of absolute positions and SAM's tables of relative ones
    (these linearly, as SAM itself does when it runs). What has the right size, or cannot be
    brought to it, is returned as it came.

    Args:
        state: tensors under timm's keys.
        body: a timm model.
        resample: a key of ``RESAMPLINGS``.

    Returns:
        ``state`` with these tensors replaced.
    """
    way = RESAMPLINGS[resample]
    own = body.state_dict()
    fitted = dict(state)
    kernel = state.get(KERNEL)
    if kernel is not None and KERNEL in own and kernel.ndim == own[KERNEL].ndim == 4:
        size = tuple(own[KERNEL].shape[-2:])
        if tuple(kernel.shape[-2:]) != size:
            fitted[KERNEL] = way.kernel(kernel.float(), size)
    if TABLE in state and TABLE in own:
        mode = way.clip_mode if is_clip(body) else 'bicubic'
        fitted[TABLE] = _fit_table(state[TABLE], body, way, mode)
    for key in state:
        if RELATIVE.search(key) and key in own and len(state[key]) != len(own[key]):
            fitted[key] = _fit_relative(state[key], len(own[key]))
    return fitted


def apply_release_quirks(
    state: dict[str, Tensor], body: nn.Module, resample: str
) -> dict[str, Tensor]:
    """Change what the code that trained the released adapters did beyond resizing.

    With ``'bicubic'`` and CLIP: its class embedding is added twice, once as the token and once in
    the token's position.
    """
    if not (RESAMPLINGS[resample].class_twice and is_clip(body) and {TABLE, CLASS} <= set(state)):
        return state
    table = state[TABLE].float().clone()  # (1, 1 + h*w, C)
    table[:, :1] += state[CLASS].float()
    return {**state, TABLE: table}


def is_clip(body: nn.Module) -> bool:
    """Tell a CLIP transformer: it norms its tokens before the first block."""
    return isinstance(getattr(body, 'norm_pre', None), nn.LayerNorm) and hasattr(body, 'blocks')


def _fit_table(table: Tensor, body: nn.Module, way: Resampling, mode: str) -> Tensor:
    """Resize a table (1, prefix + h*w, C) or (1, h, w, C) to the grid of ``body``."""
    own = body.pos_embed
    if table.ndim != own.ndim or table.shape[-1] != own.shape[-1]:
        return table
    if own.ndim == 4:
        size = tuple(own.shape[1:3])
        same = tuple(table.shape[1:3]) == size
        return table if same else way.positions(table.float(), size, mode)
    size = tuple(body.patch_embed.grid_size)
    prefix = own.shape[1] - math.prod(size)  # the class token, where it has a position
    side = math.isqrt(max(table.shape[1] - prefix, 0))  # released tables are of square images
    if side == 0 or side**2 + prefix != table.shape[1] or size == (side, side):
        return table
    grid = table[:, prefix:].float().unflatten(1, (side, side))
    resized = way.positions(grid, size, mode).flatten(1, 2)
    return torch.cat((table[:, :prefix].float(), resized), dim=1)


def _fit_relative(table: Tensor, length: int) -> Tensor:
    """Resize relative positions (L, C) to ``length`` rows."""
    line = table.float().T.unsqueeze(0)  # (1, C, L)
    return F.interpolate(line, size=length, mode='linear', align_corners=False)[0].T
