"""What a pipeline's denoiser is trained by: the error of the noise, for each family of models.

Each family knows how its prompts are encoded and how its denoiser is asked. A pipeline is
recognised by its parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rein.generation.instances import Crop, stack

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline


@dataclass(frozen=True)
class Batch:
    """Crops and what the prompt of each says."""

    crops: Sequence[Crop]
    prompts: Sequence[str]


class DenoisingLoss(nn.Module):
    """Loss of a pipeline on crops and their prompts; the base of all families.

    Args:
        pipeline: of diffusers; its parts are used where they are, so it samples with what was
            trained.

    The parts that may train are modules of this one, named as in the pipeline, and frozen to begin
    with. The pipeline encodes prompts itself, so they mean in training what they will mean in
    sampling.
    """

    DENOISER = 'unet'
    ENCODERS: tuple[str, ...] = ('text_encoder',)

    def __init__(self, pipeline: 'DiffusionPipeline') -> None:
        super().__init__()
        self.pipeline = pipeline
        self.vae = pipeline.vae
        for part in pipeline.components.values():  # T5 too, which never learns
            if isinstance(part, nn.Module):
                part.requires_grad_(requires_grad=False)
        self.parts = nn.ModuleDict(
            {
                name: getattr(pipeline, name)
                for name in (self.DENOISER, *self.ENCODERS)
                if getattr(pipeline, name) is not None
            }
        )

    @property
    def denoiser(self) -> nn.Module:
        """The network that finds the noise."""
        return self.parts[self.DENOISER]

    def forward(self, batch: Batch, draw: torch.Generator) -> Tensor:
        """Error of each crop: (B,).

        Args:
            batch: of B crops.
            draw: for latents, noise and times, on the CPU.
        """
        latents = self.encode(stack(batch.crops), draw)
        noise = torch.randn(latents.shape, generator=draw).to(latents)
        return self.error(latents, noise, batch, draw).flatten(1).mean(1)

    @torch.no_grad()
    def encode(self, pixels: Tensor, draw: torch.Generator) -> Tensor:
        """Latents (B, C, h, w) of pixels (B, 3, H, W): a sample, at the scale of the denoiser."""
        device = next(self.vae.parameters()).device
        # The autoencoder of SDXL overflows in half precision.
        with torch.autocast(device.type, enabled=False):
            found = self.vae.encode(pixels.to(device, self.vae.dtype)).latent_dist
            noise = torch.randn(found.mean.shape, generator=draw).to(found.mean)
            latents = found.mean + found.std * noise
        config = self.vae.config
        return (latents - (config.get('shift_factor') or 0.0)) * config.scaling_factor

    def error(self, latents: Tensor, noise: Tensor, batch: Batch, draw: torch.Generator) -> Tensor:
        """Squared error (B, C, h, w), float32."""
        raise NotImplementedError


class DiffusionLoss(DenoisingLoss):
    """Stable Diffusion 1 and 2: noise, or velocity where the model predicts that.

    Source: Ho et al., NeurIPS 2020 (arXiv:2006.11239); Salimans and Ho, ICLR 2022 (velocity).
    """

    def __init__(self, pipeline: 'DiffusionPipeline') -> None:
        super().__init__(pipeline)
        from diffusers import DDPMScheduler

        self.scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)

    def error(self, latents: Tensor, noise: Tensor, batch: Batch, draw: torch.Generator) -> Tensor:
        """Squared error of noise or velocity at a time drawn for each crop."""
        last = self.scheduler.config.num_train_timesteps
        times = torch.randint(last, (len(latents),), generator=draw).to(latents.device)
        noisy = self.scheduler.add_noise(latents, noise, times)
        found = self.ask(noisy, times, batch)
        if self.scheduler.config.prediction_type == 'v_prediction':
            noise = self.scheduler.get_velocity(latents, noise, times)
        return F.mse_loss(found.float(), noise.float(), reduction='none')

    def ask(self, noisy: Tensor, times: Tensor, batch: Batch) -> Tensor:
        """What the denoiser finds in noisy latents."""
        words, _ = self.pipeline.encode_prompt(
            list(batch.prompts), noisy.device, 1, do_classifier_free_guidance=False
        )
        return self.denoiser(noisy, times, words).sample


class DiffusionXLLoss(DiffusionLoss):
    """Stable Diffusion XL: the denoiser is also told sizes and corners of the crops.

    Source: Podell et al., ICLR 2024 (arXiv:2307.01952).
    """

    ENCODERS = ('text_encoder', 'text_encoder_2')

    def ask(self, noisy: Tensor, times: Tensor, batch: Batch) -> Tensor:
        """What the denoiser finds in noisy latents."""
        words, _, pooled, _ = self.pipeline.encode_prompt(
            list(batch.prompts), device=noisy.device, do_classifier_free_guidance=False
        )
        told = [[*c.image, *c.corner, *c.pixels.shape[1:]] for c in batch.crops]
        more = {'text_embeds': pooled, 'time_ids': torch.tensor(told, device=noisy.device)}
        return self.denoiser(noisy, times, words, added_cond_kwargs=more).sample


class FlowLoss(DenoisingLoss):
    """Stable Diffusion 3: the flow from the image to the noise, times drawn around the middle.

    Source: Esser et al., ICML 2024 (arXiv:2403.03206), logit-normal times.
    """

    DENOISER = 'transformer'
    ENCODERS = ('text_encoder', 'text_encoder_2')

    def error(self, latents: Tensor, noise: Tensor, batch: Batch, draw: torch.Generator) -> Tensor:
        """Squared error of the flow at a time drawn for each crop."""
        share = torch.randn(len(latents), generator=draw).sigmoid().to(latents.device)
        shift = self.pipeline.scheduler.config.shift
        share = shift * share / (1 + (shift - 1) * share)
        part = share.view(-1, 1, 1, 1)
        words, _, pooled, _ = self.pipeline.encode_prompt(
            list(batch.prompts),
            None,
            None,
            device=latents.device,
            do_classifier_free_guidance=False,
        )
        times = share * self.pipeline.scheduler.config.num_train_timesteps
        noisy = (1 - part) * latents + part * noise
        found = self.denoiser(
            noisy, timestep=times, encoder_hidden_states=words, pooled_projections=pooled
        ).sample
        return F.mse_loss(found.float(), (noise - latents).float(), reduction='none')


def objective_of(pipeline: 'DiffusionPipeline') -> DenoisingLoss:
    """The loss that fits a pipeline.

    Raises:
        ValueError: it is of another family.
    """
    parts = {name for name, part in pipeline.components.items() if part is not None}
    if {'transformer', 'text_encoder', 'text_encoder_2', 'vae'} <= parts and (
        'text_encoder_3' in pipeline.components
    ):
        return FlowLoss(pipeline)
    if {'unet', 'text_encoder', 'text_encoder_2', 'vae'} <= parts:
        return DiffusionXLLoss(pipeline)
    if {'unet', 'text_encoder', 'vae'} <= parts:
        return DiffusionLoss(pipeline)
    raise ValueError(
        f'{type(pipeline).__name__} has {", ".join(sorted(parts))}; models of the families Stable '
        'Diffusion 1, 2, XL and 3 can be personalised'
    )
