"""Files of Hugging Face transformers: loaded into timm bodies that then compute the same."""

import sys
from pathlib import Path

import pytest
import torch

from rein.models.backbones.weights import load_weights

sys.path.insert(0, str(Path(__file__).parent))
from original_layouts import body_of

transformers = pytest.importorskip('transformers')
SIZE = {
    'hidden_size': 32,
    'num_hidden_layers': 2,
    'num_attention_heads': 2,
    'image_size': 64,
    'patch_size': 16,
}
MODELS = {
    'dinov2': ('dinov2', 'Dinov2', {'layerscale_value': 0.5}),
    'dinov2_giant': ('dinov2_giant', 'Dinov2', {'use_swiglu_ffn': True}),
    'dinov2_registers': ('dinov2_registers', 'Dinov2WithRegisters', {'num_register_tokens': 4}),
    'dinov3': (
        'dinov3_biases',
        'DINOv3ViT',
        {'intermediate_size': 128, 'num_register_tokens': 4, 'layerscale_value': 0.5},
    ),
    'clip': ('clip', 'CLIPVision', {'intermediate_size': 128, 'hidden_act': 'quick_gelu'}),
}


@pytest.mark.parametrize('name', MODELS)
def test_last_tokens_are_those_of_transformers(name, tmp_path):
    layout, family, options = MODELS[name]
    torch.manual_seed(0)
    config = getattr(transformers, f'{family}Config')(**SIZE, **options)
    theirs = getattr(transformers, f'{family}Model')(config).eval()
    with torch.no_grad():
        for tensor in theirs.parameters():
            tensor.normal_(std=0.2)
    theirs.save_pretrained(tmp_path)
    # transformers rounds the width of the gated layers up to a multiple of 8 / 3.
    changes = {'mlp_ratio': 176 / 32} if name == 'dinov2_giant' else {}
    body = body_of(layout, 2, **changes).eval()
    load_weights(body, str(tmp_path / 'model.safetensors'), 'pseudo_inverse')
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        ours = body.forward_features(images)
        if name == 'clip':  # transformers leaves the last norm to the class token alone
            ours = body.forward_intermediates(images, norm=False, intermediates_only=True)[-1]
            ours = ours.flatten(2).transpose(1, 2)
        expected = theirs(images).last_hidden_state[:, -ours.shape[1] :]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)
