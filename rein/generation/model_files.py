"""Where the files of a model lie: a local folder or the cache of the hub, checked to be whole."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from huggingface_hub import snapshot_download, try_to_load_from_cache

from rein.runtime.files import sha256

INDEX = 'model_index.json'
WEIGHTS = ('.safetensors', '.bin')
SINGLE = ['*.json', '*.safetensors', '*.txt', '*.model', '*.jinja']  # files of a single model
LORA = 'pytorch_lora_weights.safetensors'
# Classes of a pipeline that have no weights, by the end of their names.
WITHOUT_WEIGHTS = ('Scheduler', 'Tokenizer', 'TokenizerFast', 'Processor', 'FeatureExtractor')
EXTRA = 'pip install "rein-seg[generate]"'


@dataclass(frozen=True)
class ModelFiles:
    """Files of one version of a model.

    Args:
        name: as the user gave it: an id of the hub or a folder.
        folder: that holds the files.
        commit: of the hub's repository; '' for a local folder.
    """

    name: str
    folder: Path
    commit: str = ''

    @cached_property
    def revision(self) -> str:
        """What pins the version: the commit, or the hash of a local folder's files."""
        return self.commit or f'sha256:{folder_sha256(self.folder)}'


def find_pipeline(
    model: str, *, revision: str | None = None, variant: str | None = None
) -> ModelFiles:
    """Find a pipeline of diffusers, downloading it where the hub can be reached.

    Args:
        model: folder of ``save_pretrained``, or an id such as 'CompVis/stable-diffusion-v1-4'.
        revision: branch, tag or commit of the hub's repository.
        variant: of the weight files to download, such as 'fp16'.

    Raises:
        FileNotFoundError: it is not there, or not whole; the message lists what is missing.
        ImportError: the extra 'generate' is not installed.
    """
    files = (
        ModelFiles(model, Path(model))
        if _is_path(model)
        else _from_hub(model, revision, lambda: _download_pipeline(model, revision, variant))
    )
    missing = missing_files(files.folder)
    if missing:
        raise FileNotFoundError(
            f'{model} is no whole pipeline of diffusers; missing in {files.folder}: '
            f'{", ".join(missing)}. {_mend(model)}'
        )
    return files


def find_model(model: str, *, revision: str | None = None) -> ModelFiles:
    """Find a single model in the layout of transformers or diffusers, likewise.

    Raises:
        FileNotFoundError: it is not there; the message says what belongs there.
    """
    files = (
        ModelFiles(model, Path(model))
        if _is_path(model)
        else _from_hub(
            model,
            revision,
            lambda: snapshot_download(model, revision=revision, allow_patterns=SINGLE),
        )
    )
    missing = [] if (files.folder / 'config.json').is_file() else ['config.json']
    missing += _missing_weights(files.folder)
    if missing:
        raise FileNotFoundError(
            f'{model} is no whole model; missing in {files.folder}: {", ".join(missing)}. '
            f'{_mend(model)}'
        )
    return files


def missing_files(folder: Path) -> list[str]:
    """Files that a pipeline's folder should have and has not, by what its index lists."""
    index = folder / INDEX
    if not index.is_file():
        return [INDEX]
    try:
        listed = {k: v for k, v in json.loads(index.read_text()).items() if k[:1] != '_'}
    except (json.JSONDecodeError, AttributeError):
        return [f'a readable {INDEX}']
    missing = []
    for name, entry in listed.items():
        if not isinstance(entry, list) or len(entry) != 2 or entry[1] is None:
            continue  # a setting, or a part that is left out on purpose
        below = folder / name
        if not below.is_dir() or not any(below.iterdir()):
            missing.append(f'{name}/')
        elif not entry[1].endswith(WITHOUT_WEIGHTS):
            if not (below / 'config.json').is_file():
                missing.append(f'{name}/config.json')
            missing += [f'{name}/{file}' for file in _missing_weights(below)]
    return missing


def folder_sha256(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a folder and its sub-folders."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob('*')):
        if path.is_file() and not path.name.startswith('.'):
            digest.update(f'{path.relative_to(folder).as_posix()} {sha256(path)}\n'.encode())
    return digest.hexdigest()


def _missing_weights(folder: Path) -> list[str]:
    """Weight files that should be in the folder of a model; its own index may list parts."""
    if not folder.is_dir():
        return ['the folder itself']
    missing, parts = [], set()
    for index in folder.glob('*.index*.json'):
        parts |= set(json.loads(index.read_text()).get('weight_map', {}).values())
    missing += sorted(part for part in parts if not (folder / part).is_file())
    if not parts and not any(path.suffix in WEIGHTS for path in folder.iterdir()):
        missing.append('*.safetensors')
    return missing


def _is_path(model: str) -> bool:
    """Whether a name is a folder here; one that is not there and cannot be an id is refused."""
    if Path(model).is_dir():
        return True
    if Path(model).is_absolute() or model.startswith(('.', '~')) or model.count('/') != 1:
        raise FileNotFoundError(
            f'there is no folder {model}; give one, or an id of the hub such as '
            'CompVis/stable-diffusion-v1-4'
        )
    return False


def _download_pipeline(model: str, revision: str | None, variant: str | None) -> str:
    try:
        from diffusers import DiffusionPipeline
    except ImportError as error:
        raise ImportError(f'diffusers is not installed: {EXTRA}') from error
    return DiffusionPipeline.download(model, revision=revision, variant=variant)


def _from_hub(model: str, revision: str | None, download: Callable[[], str]) -> ModelFiles:
    """Download what is not in the cache."""
    try:
        folder = Path(download())
    except (OSError, ValueError) as error:
        cached = _cached(model, revision)
        if cached is not None:
            return cached
        raise FileNotFoundError(
            f'{model} is neither a folder here nor in the cache of the hub, and cannot be '
            f'downloaded ({str(error).splitlines()[0][:200]}). Missing are all of its files, from '
            f'{INDEX} or config.json on. {_mend(model)}'
        ) from error
    return ModelFiles(model, folder, folder.name)


def _cached(model: str, revision: str | None) -> ModelFiles | None:
    """What an earlier download left, whole or not."""
    for name in (INDEX, 'config.json'):
        found = try_to_load_from_cache(model, name, revision=revision)
        if isinstance(found, str):
            folder = Path(found).parent
            return ModelFiles(model, folder, folder.name)
    return None


def _mend(model: str) -> str:
    name = 'ORGANISATION/NAME' if Path(model).is_dir() else model
    return (
        f'Where there is a network, "hf download {name} --local-dir FOLDER" fetches them (behind '
        '"hf auth login" if its licence asks for that); copy the folder here and give it as '
        '--model FOLDER'
    )
