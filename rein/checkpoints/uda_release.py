"""From the keys of checkpoints of DAFormer, HRDA, MIC and DATUM to those of this package."""

import re
from collections.abc import Mapping

from torch import Tensor

from rein.models.backbones.mit_weights import to_mmseg

STUDENT, BACKBONE = 'model.', 'backbone.'
# DeepLabV2's convolutions; DAFormer's own modules of that name lie deeper, in fuse_layer.
CONVOLUTIONS = re.compile(r'(decode_head\.(?:head\.|scale_attention\.)?)aspp_modules\.(\d)\.conv\.')


def is_release(keys: Mapping[str, Tensor]) -> bool:
    """Tell whether these are the keys of such a checkpoint, whole or of the student alone."""
    student = {key.removeprefix(STUDENT) for key in keys}
    return any(key.startswith(BACKBONE) for key in student) and (
        any(key.startswith('decode_head.') for key in student)
    )


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The student's tensors under this package's keys; teacher and ImageNet's copy are left out."""
    if any(key.startswith(STUDENT) for key in state):
        state = {k.removeprefix(STUDENT): v for k, v in state.items() if k.startswith(STUDENT)}
    body = {k: v for k, v in state.items() if k.startswith(BACKBONE)}
    found = {f'{BACKBONE}{k}': v for k, v in to_mmseg(body).items()}
    for key, value in state.items():
        if key not in body:
            found[CONVOLUTIONS.sub(r'\1convs.\2.', key)] = value
    return found
