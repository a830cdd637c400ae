"""MMSegmentation's own dilated ResNet-V1c, loaded into timm's."""

import timm
import torch
from mmseg.models.backbones import ResNetV1c

from rein.models.backbones.weights import load_weights


def test_dilated_resnet_gives_the_maps_of_mmsegmentation_to_the_last_bit(tmp_path):
    torch.manual_seed(0)
    theirs = ResNetV1c(
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        dilations=(1, 1, 2, 4),
        strides=(1, 2, 1, 1),
        norm_cfg={'type': 'BN'},
        contract_dilation=True,
    )
    theirs.eval()
    for key, value in theirs.state_dict().items():
        if key.endswith(('running_mean', 'bias')):
            value.normal_(std=0.1)
    state = {f'backbone.{key}': value for key, value in theirs.state_dict().items()}
    torch.save({'state_dict': state}, tmp_path / 'resnet50_v1c.pth')
    body = timm.create_model('resnet50c', num_classes=0, output_stride=8).eval()
    load_weights(body, str(tmp_path / 'resnet50_v1c.pth'))
    images = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        maps = body.forward_intermediates(images, intermediates_only=True)[-4:]
        for ours, expected in zip(maps, theirs(images), strict=True):
            torch.testing.assert_close(ours, expected, rtol=0, atol=0)
