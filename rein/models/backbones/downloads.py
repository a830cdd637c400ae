"""Weights by name: a timm model, or a file of a Hugging Face repository."""

from pathlib import Path

import timm
import torch
from huggingface_hub import hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from rein.models.backbones.weight_files import WeightsError

HUB = ('hf-hub:', 'hf_hub:')
HUB_FILES = (
    'model.safetensors',
    'open_clip_model.safetensors',
    'pytorch_model.bin',
    'open_clip_pytorch_model.bin',
)
SUFFIXES = ('.pth', '.pt', '.bin', '.safetensors', '.ckpt', '.tar', '.npz')


def find_weights(source: str) -> Path:
    """Find a weight file on this machine; one that is named but not here is downloaded.

    Args:
        source: a path; the name of a timm model with pretrained weights, such as
            ``'vit_large_patch14_dinov2.lvd142m'``; or ``'hf-hub:org/repo'``, if need be with
            ``@revision`` or a ``/path/in/the/repo.pt``.

    Returns:
        The path of the file: yours, or one in the cache of huggingface_hub (``HF_HOME``), which
        shows its progress, goes on where it was interrupted, and downloads a file once.

    Raises:
        WeightsError: no such file, no such name, or the download failed.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return path
    if source.startswith(HUB):
        return _from_hub(source, source.split(':', 1)[1])
    if path.is_dir() or path.suffix in SUFFIXES or '/' in source:
        raise WeightsError(
            f'backbone.weights.source: there is no file {source} (in {Path.cwd()}); '
            'checkpoints/README.md says where to get each file'
        )
    return _from_timm(source)


def _from_timm(name: str) -> Path:
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # a known model, but no such tag
        tags = timm.list_pretrained(f'{name.split(".")[0]}.*')
        raise WeightsError(
            f'backbone.weights.source {name!r}: timm knows these weights of it: {tags}'
        ) from error
    if config is None:
        raise WeightsError(
            f'backbone.weights.source {name!r} is no file, no name of a timm model and no '
            "'hf-hub:org/repo'"
        )
    if config.custom_load or not (config.hf_hub_id or config.url):
        tags = timm.list_pretrained(f'{name.split(".")[0]}.*')
        raise WeightsError(
            f'backbone.weights.source {name!r}: timm has no PyTorch weights under that name; of '
            f'this model it has {tags}; use one of them or a file'
        )
    if config.hf_hub_id:
        return _from_hub(name, config.hf_hub_id, config.hf_hub_filename)
    return _from_url(name, config.url)


def _from_url(name: str, url: str) -> Path:
    """Find or download a file in the folder that ``torch.hub`` keeps for it."""
    path = Path(torch.hub.get_dir(), 'checkpoints', url.rsplit('/', 1)[-1])
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), progress=True)
        except OSError as error:
            raise WeightsError(_unreachable(name, url, error)) from error
    return path


def _from_hub(source: str, repo: str, filename: str | None = None) -> Path:
    """Find or download a file of ``org/repo[@revision][/file]``."""
    parts = repo.split('/', 2)
    if len(parts) == 3:
        repo, filename = '/'.join(parts[:2]), parts[2]
    repo, _, revision = repo.partition('@')
    names = [filename] if filename else HUB_FILES
    for name in names:
        cached = try_to_load_from_cache(repo, name, revision=revision or None)
        if isinstance(cached, str):
            return Path(cached)
    page = f'https://huggingface.co/{repo}'
    for name in names:
        try:
            return Path(hf_hub_download(repo, name, revision=revision or None))
        except GatedRepoError as error:
            raise WeightsError(
                f'backbone.weights.source {source!r}: {page} asks you to accept its licence '
                'first; do so in a browser, then log in here with "hf auth login"'
            ) from error
        except (RepositoryNotFoundError, RevisionNotFoundError) as error:
            raise WeightsError(
                f'backbone.weights.source {source!r}: there is no {page}'
                f'{f" at revision {revision}" if revision else ""}, or it is private'
            ) from error
        except LocalEntryNotFoundError as error:
            raise WeightsError(
                _unreachable(source, f'{page}/resolve/main/{name}', error)
            ) from error
        except EntryNotFoundError:
            continue
        except OSError as error:
            raise WeightsError(
                _unreachable(source, f'{page}/resolve/main/{name}', error)
            ) from error
    raise WeightsError(f'backbone.weights.source {source!r}: {page} has none of {list(names)}')


def _unreachable(source: str, url: str, error: Exception) -> str:
    name = url.rsplit('/', 1)[-1]
    return (
        f'backbone.weights.source {source!r} is not on this machine and cannot be downloaded '
        f'({type(error).__name__}: {str(error).strip().splitlines()[0][:200]}). Without a network: '
        f'fetch {url} elsewhere, put it into checkpoints/ here, and set backbone.weights.source='
        f"'checkpoints/{name}'"
    )
