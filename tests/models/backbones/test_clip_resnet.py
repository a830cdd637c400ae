"""OpenAI's CLIP ResNets under timm's names, which CLOUDS takes as trunks."""

import re

import timm
import torch

from rein.models.backbones import FoundationBackbone

TRUNK = 'resnet50_clip.openai'
LAYER = {'conv1_1x1': 1, 'conv2_kxk': 2, 'conv3_1x1': 3}


def original(name):
    """OpenAI's name of a tensor of timm's network."""
    name = re.sub(r'^stem\.conv(\d)\.(conv|bn)\.', lambda m: f'{m[2]}{m[1]}.', name)

    def block(match):
        stage, number, part, kind = match.groups()
        place = f'layer{int(stage) + 1}.{number}.'
        if part == 'shortcut.conv':
            return f'{place}downsample.{0 if kind == "conv" else 1}.'
        return f'{place}{kind}{LAYER[part]}.'

    name = re.sub(r'^stages\.(\d)\.(\d+)\.(\w+(?:\.conv)?)\.(conv|bn)\.', block, name)
    return f'visual.{name}'


def test_a_file_of_openai_gives_the_maps_of_timms_features(tmp_path):
    torch.manual_seed(0)
    theirs = timm.create_model(TRUNK, features_only=True, pretrained=False).eval()
    with torch.no_grad():
        for name, buffer in theirs.named_buffers():
            if name.endswith('running_var'):
                buffer.uniform_(0.5, 2)
    state = {
        original(re.sub(r'^(stem|stages)_', r'\1.', name)): tensor
        for name, tensor in theirs.state_dict().items()
    }
    assert {'visual.conv1.weight', 'visual.layer4.2.bn3.running_var'} <= state.keys()
    assert 'visual.layer2.0.downsample.0.weight' in state
    state['visual.attnpool.positional_embedding'] = torch.ones(50, 2048)
    for name in ('transformer.resblocks.0.a', 'logit_scale'):
        state[name] = torch.ones(2)
    torch.save(state, tmp_path / 'RN50.pt')
    body = FoundationBackbone(TRUNK, train='none', weights=dict(source=str(tmp_path / 'RN50.pt')))
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        found, wanted = body.eval()(images), theirs(images)[1:]
    for ours, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, other)
