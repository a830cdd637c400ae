"""Arithmetic of images, counted from configs."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from rein.generation.cost import Cost, count_cost


@pytest.fixture(scope='module')
def stable_diffusion_1(tmp_path_factory):
    """Configs of Stable Diffusion 1, no weights."""
    folder = tmp_path_factory.mktemp('sd1')
    with torch.device('meta'):
        UNet2DConditionModel(sample_size=64, cross_attention_dim=768).save_config(folder / 'unet')
        AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=('DownEncoderBlock2D',) * 4,
            up_block_types=('UpDecoderBlock2D',) * 4,
            layers_per_block=2,
        ).save_config(folder / 'vae')
    index = {'unet': ['diffusers', 'UNet2DConditionModel'], 'vae': ['diffusers', 'AutoencoderKL']}
    (folder / 'model_index.json').write_text(json.dumps(index))
    return folder


def test_the_denoiser_of_stable_diffusion_1_has_its_known_parameters(stable_diffusion_1):
    cost = count_cost(stable_diffusion_1, (512, 512), 50, guided=True)
    assert cost.parameters == 859_520_964
    assert cost.denoiser == pytest.approx(0.803e12, rel=0.001)
    assert cost.image == 100 * cost.denoiser + cost.decoder


def test_hours_by_hand():
    cost = Cost(denoiser=1e12, decoder=1e12, steps=2, guided=False, parameters=1)
    assert cost.image == 3e12
    assert cost.hours(1200, 1e12, 0.5) == pytest.approx(2.0)


@pytest.mark.parametrize('family', ['sd', 'sdxl', 'sd3'])
def test_every_family_is_counted_and_larger_images_cost_more(pipes, family):
    small, large = (
        count_cost(Path(pipes[family]), s, 5, guided=False) for s in ((32, 32), (64, 32))
    )
    assert 1.9 * small.image < large.image < 2.6 * small.image


def test_other_models_and_missing_configs_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no .*model_index\.json'):
        count_cost(tmp_path, (32, 32), 1, guided=True)
    index = {'transformer': ['diffusers', 'FluxTransformer2DModel']}
    (tmp_path / 'model_index.json').write_text(json.dumps(index))
    with pytest.raises(ValueError, match='has FluxTransformer2DModel; operations are counted of'):
        count_cost(tmp_path, (32, 32), 1, guided=True)
