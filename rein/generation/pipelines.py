"""Text-to-image pipelines of diffusers, loaded and made ready."""

import importlib.util
import inspect
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rein.generation.model_files import EXTRA, LORA, ModelFiles, find_model, find_pipeline

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

RECORD = 'personalized.json'  # beside what personalisation wrote
DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}
ATTENTION = ('auto', 'sdpa', 'xformers')


@dataclass(frozen=True)
class Source:
    """A pipeline to load.

    Args:
        model: id of the hub, folder of a pipeline, or folder that personalisation wrote.
        revision: branch, tag or commit on the hub.
        variant: of the weight files, such as 'fp16'.
        dtype: 'float32', 'bfloat16' or 'float16'.
        scheduler: class of diffusers in the place of the model's own.
        attention: 'xformers', 'sdpa' (PyTorch's own), or 'auto' for the former where it is
            installed and there is a GPU.
        checked: whether the model's safety checker, if it has one, looks at the images.
        controlnet: id or folder of a ControlNet.
    """

    model: str
    revision: str | None = None
    variant: str | None = None
    dtype: str = 'float32'
    scheduler: str | None = None
    attention: str = 'auto'
    checked: bool = True
    controlnet: str | None = None

    def __post_init__(self) -> None:
        for key, allowed in (('dtype', DTYPES), ('attention', ATTENTION)):
            if getattr(self, key) not in allowed:
                raise ValueError(f'{key}={getattr(self, key)!r}: use {", ".join(allowed)}')


@dataclass(frozen=True)
class Loaded:
    """A pipeline in memory.

    Args:
        pipeline: of diffusers.
        files: of the model that the user named.
        settings: what of the loading decides an image, plain data.
    """

    pipeline: 'DiffusionPipeline'
    files: ModelFiles
    settings: dict

    @property
    def takes(self) -> set[str]:
        """Arguments of a call of the pipeline."""
        return set(inspect.signature(self.pipeline.__call__).parameters)


def load_pipeline(source: Source, device: str) -> Loaded:
    """Load a text-to-image pipeline.

    Raises:
        FileNotFoundError: files are missing; the message says which.
        ImportError: the extra 'generate', or xformers, is not installed.
        ValueError: the model makes no images from text, or has no such scheduler, or the weights
            below personalised ones are others than those that they were made on.
    """
    with quiet():
        base, files, lora = _find(source)
        keywords, described = {}, {}
        if source.controlnet is not None:
            net = find_model(source.controlnet)
            keywords['controlnet'] = _controlnet(net, DTYPES[source.dtype])
            described['controlnet'] = net.revision
        pipeline = _load(base, source, keywords)
        if lora:
            pipeline.load_lora_weights(files.folder, weight_name=LORA)
        if source.scheduler is not None:
            pipeline.scheduler = _scheduler(source.scheduler, pipeline)
        pipeline.to(device)
        attention = use_attention(pipeline, source.attention, device)
    pipeline.set_progress_bar_config(disable=True)
    settings = {
        'revision': files.revision,
        'pipeline': type(pipeline).__name__,
        'scheduler': _plain(pipeline.scheduler),
        'dtype': source.dtype,
        'attention': attention,
        'safety_checker': getattr(pipeline, 'safety_checker', None) is not None,
        **described,
    }
    return Loaded(pipeline, files, settings)


def use_attention(pipeline: 'DiffusionPipeline', attention: str, device: str) -> str:
    """Set what computes attention; returns its name.

    Raises:
        ImportError: xformers is asked for and not installed.
    """
    installed = importlib.util.find_spec('xformers') is not None
    if attention == 'xformers' and not installed:
        raise ImportError(
            'attention is "xformers", which is not installed: pip install xformers, or use "sdpa"'
        )
    if attention == 'xformers' or (attention == 'auto' and installed and 'cuda' in str(device)):
        pipeline.enable_xformers_memory_efficient_attention()
        return 'xformers'
    return 'sdpa'


def device_for(name: str | None) -> str:
    """A device by name; without one the GPU that the launcher gave this process, or the CPU.

    Raises:
        ValueError: there is no such device.
    """
    gpus = torch.cuda.device_count()
    name = name or (f'cuda:{os.environ.get("LOCAL_RANK", 0)}' if gpus else 'cpu')
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f'device {name!r}: use cpu, cuda or cuda:0') from error
    if device.type == 'cuda' and (device.index or 0) >= gpus:
        raise ValueError(f'device {name!r}, but there are {gpus} GPUs here that PyTorch can use')
    return name


def versions(device: str) -> dict[str, str]:
    """Versions and device, which may decide the last bit of an image."""
    names = ('torch', 'diffusers', 'transformers', 'pillow')
    name = torch.cuda.get_device_name(device) if 'cuda' in device else 'CPU'
    return {**{name: metadata.version(name) for name in names}, 'device': name}


def _find(source: Source) -> tuple[ModelFiles, ModelFiles, bool]:
    """Files of the pipeline, those that the user named, and whether the latter go on the former."""
    folder = Path(source.model)
    if not (folder / LORA).is_file():
        files = find_pipeline(source.model, revision=source.revision, variant=source.variant)
        return files, files, False
    try:
        record = json.loads((folder / RECORD).read_text())
        name, revision = record['base'], record['base_revision']
    except (OSError, json.JSONDecodeError, KeyError) as error:
        raise FileNotFoundError(
            f'{folder} has low-rank weights ({LORA}) but no {RECORD} that says what they belong '
            'to; give the folder as tools/generate.py personalize wrote it'
        ) from error
    commit = None if revision.startswith('sha256:') else revision
    base = find_pipeline(name, revision=commit)
    if base.revision != revision:
        raise ValueError(
            f'{folder} was trained on {name} of {revision}; what lies there now is '
            f'{base.revision}: put the former back, or train anew'
        )
    return base, ModelFiles(source.model, folder), True


def _load(files: ModelFiles, source: Source, keywords: dict) -> 'DiffusionPipeline':
    try:
        import diffusers
    except ImportError as error:
        raise ImportError(f'diffusers is not installed: {EXTRA}') from error
    index = json.loads((files.folder / 'model_index.json').read_text())
    kind = getattr(diffusers, str(index.get('_class_name')), None)
    if kind is None or not _from_text(kind.__call__):
        raise ValueError(
            f'{source.model} is a {index.get("_class_name")}, which makes no images from text '
            'alone; give a text-to-image model'
        )
    # Parts that were left out when the pipeline was saved must be named to be left out again.
    parts = set(inspect.signature(kind.__init__).parameters) & set(index)
    keywords |= {part: None for part in parts if index[part] == [None, None]}
    if not source.checked and 'safety_checker' in inspect.signature(kind.__init__).parameters:
        keywords |= {'safety_checker': None, 'requires_safety_checker': False}
    loader = diffusers.DiffusionPipeline
    if 'controlnet' in keywords:
        loader = diffusers.AutoPipelineForText2Image
    try:
        return loader.from_pretrained(
            files.folder, dtype=DTYPES[source.dtype], variant=source.variant, **keywords
        )
    except OSError as error:
        raise OSError(
            f'{source.model} cannot be loaded: {error} A file is cut off, damaged or of another '
            'variant; fetch it again'
        ) from error


def _from_text(call: Callable) -> bool:
    """Whether a pipeline draws in steps from a prompt, and asks for no picture."""
    parameters = set(inspect.signature(call).parameters)
    return {'prompt', 'num_inference_steps'} <= parameters and 'image' not in parameters


def _controlnet(files: ModelFiles, dtype: torch.dtype) -> torch.nn.Module:
    import diffusers

    name = json.loads((files.folder / 'config.json').read_text()).get('_class_name', '')
    kind = getattr(diffusers, name, None)
    if kind is None or 'ControlNet' not in name:
        raise ValueError(f'{files.name} is {name or "no model of diffusers"}, not a ControlNet')
    return kind.from_pretrained(files.folder, dtype=dtype)


def _scheduler(name: str, pipeline: 'DiffusionPipeline') -> object:
    import diffusers

    fitting = {kind.__name__ for kind in getattr(pipeline.scheduler, 'compatibles', ())}
    if name not in fitting | {type(pipeline.scheduler).__name__}:
        raise ValueError(
            f'{name!r} is no scheduler for this model; such are {", ".join(sorted(fitting))}'
        )
    return getattr(diffusers, name).from_config(pipeline.scheduler.config)


def _plain(scheduler: object) -> dict:
    """Class and settings of a scheduler."""
    config = {k: v for k, v in scheduler.config.items() if not k.startswith('_')}
    return {'class': type(scheduler).__name__, **json.loads(json.dumps(config, default=str))}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep diffusers' and transformers' bars and advice out of the terminal; errors pass."""
    try:
        import diffusers
        import transformers
    except ImportError as error:
        raise ImportError(f'diffusers or transformers is not installed: {EXTRA}') from error
    levels = [(m.utils.logging, m.utils.logging.get_verbosity()) for m in (diffusers, transformers)]
    for logging, _ in levels:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    try:
        yield
    finally:
        for logging, level in levels:
            logging.set_verbosity(level)
            logging.enable_progress_bar()
