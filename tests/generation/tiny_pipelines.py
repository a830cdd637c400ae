"""Diffusion pipelines of random weights, small enough to run in a second on a CPU."""

import sys
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools'))

from benchmark_generation import letters

DIMS = 16
BLOCKS = dict(
    block_out_channels=(16, 32),
    layers_per_block=1,
    down_block_types=('DownBlock2D', 'CrossAttnDownBlock2D'),
    cross_attention_dim=DIMS,
    attention_head_dim=8,
    norm_num_groups=8,
)
UP = dict(up_block_types=('CrossAttnUpBlock2D', 'UpBlock2D'))
SCHEDULE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear', steps_offset=1)


def text_encoder(kind=CLIPTextModel, dims=DIMS):
    config = CLIPTextConfig(
        vocab_size=190,
        hidden_size=dims,
        intermediate_size=2 * dims,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=dims,
        bos_token_id=188,
        eos_token_id=189,
        pad_token_id=189,
    )
    return kind(config)


def vae(channels=4, **more):
    return AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=('DownEncoderBlock2D',) * 2,
        up_block_types=('UpDecoderBlock2D',) * 2,
        latent_channels=channels,
        norm_num_groups=8,
        **more,
    )


def safety_checker():
    config = CLIPConfig(
        text_config=dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=1),
        vision_config=dict(
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            image_size=32,
            patch_size=16,
        ),
        projection_dim=8,
    )
    return StableDiffusionSafetyChecker(config)


def stable_diffusion(seed=0, prediction='epsilon', checked=False):
    torch.manual_seed(seed)
    return StableDiffusionPipeline(
        vae=vae(),
        text_encoder=text_encoder(),
        tokenizer=letters(),
        unet=UNet2DConditionModel(sample_size=32, **BLOCKS, **UP),
        scheduler=DDIMScheduler(
            **SCHEDULE,
            clip_sample=False,
            set_alpha_to_one=False,
            prediction_type=prediction,
        ),
        safety_checker=safety_checker() if checked else None,
        feature_extractor=CLIPImageProcessor(size=32, crop_size=32) if checked else None,
        requires_safety_checker=checked,
    )


def stable_diffusion_xl(seed=0):
    torch.manual_seed(seed)
    blocks = dict(BLOCKS, cross_attention_dim=2 * DIMS, transformer_layers_per_block=(1, 1), **UP)
    return StableDiffusionXLPipeline(
        vae=vae(),
        text_encoder=text_encoder(),
        text_encoder_2=text_encoder(CLIPTextModelWithProjection),
        tokenizer=letters(),
        tokenizer_2=letters(),
        unet=UNet2DConditionModel(
            sample_size=32,
            addition_embed_type='text_time',
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + DIMS,
            **blocks,
        ),
        scheduler=EulerDiscreteScheduler(**SCHEDULE),
        add_watermarker=False,
    )


def stable_diffusion_3(seed=0):
    torch.manual_seed(seed)
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=32,
            patch_size=2,
            in_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=2 * DIMS,
            caption_projection_dim=16,
            pooled_projection_dim=2 * DIMS,
            out_channels=4,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae(shift_factor=0.06, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=text_encoder(CLIPTextModelWithProjection),
        text_encoder_2=text_encoder(CLIPTextModelWithProjection),
        text_encoder_3=None,
        tokenizer=letters(),
        tokenizer_2=letters(),
        tokenizer_3=None,
    )


def controlnet(seed=0):
    torch.manual_seed(seed)
    return ControlNetModel(conditioning_embedding_out_channels=(8, 16), **BLOCKS)


FAMILIES = {
    'sd': stable_diffusion,
    'sdxl': stable_diffusion_xl,
    'sd3': stable_diffusion_3,
}
