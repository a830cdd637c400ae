"""What images cost in arithmetic, counted from a model's configs; weights are not needed."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from rein.generation.model_files import EXTRA, INDEX
from rein.generation.pipelines import quiet

# Dense float16 products with float32 sums, 10^12 operations a second, as data sheets say.
PEAKS = {'T4': 65, 'V100': 125, 'RTX 4090': 165, 'A100': 312, 'L40S': 362, 'H100': 989}
WORDS = 77  # tokens of CLIP
T5_WORDS = 256  # more of them, where there is a T5


@dataclass(frozen=True)
class Cost:
    """Floating point operations of a model's parts for one image.

    Args:
        denoiser: of one step without guidance.
        decoder: of the autoencoder.
        steps: calls of the denoiser.
        guided: whether each step asks it twice.
        parameters: of the denoiser.
    """

    denoiser: float
    decoder: float
    steps: int
    guided: bool
    parameters: int

    @property
    def image(self) -> float:
        """Operations of an image; text encoders, some thousandths of it, left out."""
        return self.steps * (2 if self.guided else 1) * self.denoiser + self.decoder

    def hours(self, images: int, peak: float, efficiency: float) -> float:
        """Hours of one GPU.

        Args:
            images: number of them.
            peak: operations a second.
            efficiency: share of the peak that is reached.
        """
        return images * self.image / (peak * efficiency) / 3600


def count_cost(folder: Path, size: tuple[int, int], steps: int, *, guided: bool) -> Cost:
    """Count the operations of an image of a size (width, height).

    Args:
        folder: of a pipeline; its ``config.json`` files are enough.
        size: of the image, pixels.
        steps: calls of the denoiser.
        guided: whether there is classifier-free guidance.

    Raises:
        FileNotFoundError: a config is missing.
        ValueError: the denoiser is of another kind than those of Stable Diffusion, or the image
            smaller than a latent.
        ImportError: the extra 'generate' is not installed.
    """
    try:
        import diffusers
    except ImportError as error:
        raise ImportError(f'diffusers is not installed: {EXTRA}') from error
    index = _read(folder / INDEX)
    name = 'transformer' if 'transformer' in index else 'unet'
    kind = index.get(name, [None, None])[1]
    if kind not in ('UNet2DConditionModel', 'SD3Transformer2DModel'):
        raise ValueError(
            f'{folder} has {kind or "no denoiser"}; operations are counted of UNet2DConditionModel '
            'and SD3Transformer2DModel. Time a few images instead'
        )
    with quiet(), torch.device('meta'):
        denoiser = getattr(diffusers, kind).from_config(_read(folder / name / 'config.json'))
        decoder = diffusers.AutoencoderKL.from_config(_read(folder / 'vae' / 'config.json'))
    factor = 2 ** (len(decoder.config.block_out_channels) - 1)
    height, width = size[1] // factor, size[0] // factor
    if min(height, width) < 1:
        raise ValueError(f'size is {size}; use {factor} or more')
    words = WORDS + T5_WORDS * (index.get('text_encoder_3', [None, None])[1] is not None)
    inputs = _inputs(denoiser, (height, width), words)
    latents = torch.empty(1, decoder.config.latent_channels, height, width, device='meta')
    return Cost(
        denoiser=_operations(denoiser, **inputs),
        decoder=_operations(decoder.decoder, sample=latents),
        steps=steps,
        guided=guided,
        parameters=sum(p.numel() for p in denoiser.parameters()),
    )


def _inputs(denoiser: nn.Module, size: tuple[int, int], words: int) -> dict[str, object]:
    """Arguments of a call with one image, without content."""
    config = denoiser.config
    sample = torch.empty(1, config.in_channels, *size, device='meta')
    time = torch.empty(1, device='meta')
    if 'pooled_projections' in inspect.signature(denoiser.forward).parameters:
        return {
            'hidden_states': sample,
            'timestep': time,
            'encoder_hidden_states': torch.empty(
                1, words, config.joint_attention_dim, device='meta'
            ),
            'pooled_projections': torch.empty(1, config.pooled_projection_dim, device='meta'),
        }
    more = {}
    if config.addition_embed_type == 'text_time':
        numbers = 6 * config.addition_time_embed_dim
        pooled = config.projection_class_embeddings_input_dim - numbers
        more['added_cond_kwargs'] = {
            'text_embeds': torch.empty(1, pooled, device='meta'),
            'time_ids': torch.empty(1, 6, device='meta'),
        }
    encoded = torch.empty(1, words, config.cross_attention_dim, device='meta')
    return {'sample': sample, 'timestep': time, 'encoder_hidden_states': encoded, **more}


@torch.no_grad()
def _operations(network: nn.Module, **inputs: object) -> float:
    with FlopCounterMode(display=False) as counter:
        network(**inputs)
    return float(counter.get_total_flops())


def _read(path: Path) -> Mapping:
    if not path.is_file():
        raise FileNotFoundError(f'there is no {path}; counting needs the configs of a pipeline')
    return json.loads(path.read_text())
