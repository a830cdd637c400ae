"""Which weights never train, and a fingerprint that tells whether they are still the same ones.

A module says itself what it never trains: any module with a method ``frozen_state_keys()``, a
list of keys of its own ``state_dict()``, is taken at its word, wherever it stands in a model.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn


def frozen_state_keys(model: nn.Module) -> list[str]:
    """Keys of ``model.state_dict()`` that its modules declare as never trained, in order."""
    declared = set()
    for name, module in model.named_modules(remove_duplicate=False):
        if hasattr(module, 'frozen_state_keys'):
            prefix = f'{name}.' if name else ''
            declared.update(prefix + key for key in module.frozen_state_keys())
    return [key for key in model.state_dict() if key in declared]


def body_names(model: nn.Module) -> list[str]:
    """Name the bodies that never train, by the module's ``model`` (a text) or else its class."""
    frozen = [
        module
        for module in model.modules()
        if hasattr(module, 'frozen_state_keys') and module.frozen_state_keys()
    ]
    names = [getattr(module, 'model', None) for module in frozen]
    return [
        name if isinstance(name, str) else type(module).__name__
        for name, module in zip(names, frozen, strict=True)
    ]


def describe_body(model: nn.Module, keys: Iterable[str]) -> dict:
    """Describe the tensors ``keys`` of a model, so that a file can tell later what they were.

    Returns:
        ``model``: names of the bodies; ``tensors``: for each key a digest and the shape;
        ``fingerprint``: one digest over them all. Nothing but text, numbers, lists and dicts, so
        that a checkpoint with it loads with ``weights_only=True``.
    """
    state = model.state_dict()
    keys = list(keys)
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        digests = list(pool.map(lambda key: tensor_digest(state[key]), keys))
    tensors = {
        key: {'digest': digest, 'shape': list(state[key].shape)}
        for key, digest in zip(keys, digests, strict=True)
    }
    whole = hashlib.sha256('\n'.join(f'{k} {tensors[k]["digest"]}' for k in sorted(keys)).encode())
    return {
        'model': ', '.join(body_names(model)),
        'fingerprint': whole.hexdigest()[:16],
        'tensors': tensors,
    }


def tensor_digest(tensor: Tensor) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of dtype, shape and values, on any device."""
    values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    digest = hashlib.sha256(f'{tensor.dtype} {tuple(tensor.shape)} '.encode())
    digest.update(values.numpy())
    return digest.hexdigest()[:16]


def differences(saved: Mapping, present: Mapping) -> list[str]:
    """Say, tensor by tensor, where two descriptions of a body differ; empty where they agree."""
    ours, theirs = present['tensors'], saved['tensors']
    found = []
    for key in sorted({*ours, *theirs}):
        if key not in theirs:
            found.append(f'{key} (not in the file)')
        elif key not in ours:
            found.append(f'{key} (not in the model)')
        elif ours[key]['shape'] != theirs[key]['shape']:
            found.append(f'{key} {theirs[key]["shape"]} in the file, {ours[key]["shape"]} here')
        elif ours[key]['digest'] != theirs[key]['digest']:
            found.append(f'{key} (other values)')
    return found
