"""From the keys of the released code of BlindNet and RobustNet to those of this package."""

import re
from collections.abc import Mapping

from torch import Tensor

from rein.checkpoints.comparison import shortened
from rein.models.backbones.weight_files import WeightsError

# The wrapper that trains holds the segmentor under this name.
SEGMENTOR = 'segmentor.'
HEAD = (
    (r'aspp\.img_conv\.0\.', 'decode_head.image_pool.1.conv.'),
    (r'aspp\.img_conv\.1\.', 'decode_head.image_pool.1.bn.'),
    (r'aspp\.features\.(\d)\.0\.', r'decode_head.aspp_modules.\1.conv.'),
    (r'aspp\.features\.(\d)\.1\.', r'decode_head.aspp_modules.\1.bn.'),
    (r'bot_aspp\.0\.', 'decode_head.bottleneck.conv.'),
    (r'bot_aspp\.1\.', 'decode_head.bottleneck.bn.'),
    (r'bot_fine\.0\.', 'decode_head.c1_bottleneck.conv.'),
    (r'bot_fine\.1\.', 'decode_head.c1_bottleneck.bn.'),
    (r'final1\.0\.', 'decode_head.fusion.0.conv.'),
    (r'final1\.1\.', 'decode_head.fusion.0.bn.'),
    (r'final1\.3\.', 'decode_head.fusion.1.conv.'),
    (r'final1\.4\.', 'decode_head.fusion.1.bn.'),
    (r'final2\.0\.', 'decode_head.conv_seg.'),
    (r'dsn\.([01])\.', r'auxiliary_head.hidden.\1.'),
    (r'dsn\.4\.', 'auxiliary_head.conv_seg.'),
)
PROJECTION = re.compile(r'ProjectionHead_cls_(\d)\.proj\.([02])\.')
RESNET = (
    (r'layer0\.0\.', 'backbone.conv1.'),
    (r'layer0\.1\.', 'backbone.bn1.'),
    (r'layer([1-4])\.', r'backbone.layer\1.'),
)
DEEP_RESNET = ((r'layer0\.(\d)\.', r'backbone.stem.\1.'), RESNET[-1])
SHUFFLENET = (
    (r'layer0\.layer\.0\.(\d)\.', r'backbone.conv1.\1.'),
    (r'layer1\.', 'backbone.stage2.'),
    (r'layer2\.', 'backbone.stage3.'),
    (r'layer3\.', 'backbone.stage4.'),
    (r'layer4\.layer\.(\d)\.', r'backbone.conv5.\1.'),
)
MOBILENET_STARTS = (0, 2, 7, 11, 18)  # first block of each of their layers in ``features``


def is_release(keys: Mapping[str, Tensor]) -> bool:
    """Tell whether these are the keys of a checkpoint of BlindNet's or RobustNet's code."""
    return 'aspp.img_conv.0.weight' in keys


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a released network to the keys of this package.

    Args:
        state: of a network on ResNet-50, ResNet-101 (three convolutions in the stem),
            ShuffleNetV2 or MobileNetV2.

    Returns:
        ``segmentor.backbone.*``, ``segmentor.decode_head.*``, ``segmentor.auxiliary_head.*`` and
        ``losses.contrast.projections.*``.

    Raises:
        WeightsError: there are keys that such a network does not have.
    """
    rules = [*_backbone_rules(state), *HEAD]
    found, strange = {}, []
    for key, value in state.items():
        if match := PROJECTION.match(key):
            name = f'losses.contrast.projections.{match[1]}.{match[2]}.{key[match.end() :]}'
        else:
            name = _renamed(key, rules)
        if name is None:
            strange.append(key)
        else:
            found[name] = value
    if strange:
        raise WeightsError(
            f'these are no keys of a network of BlindNet or RobustNet: {shortened(strange)}'
        )
    return found


def _renamed(key: str, rules: list[tuple[str, str]]) -> str | None:
    for pattern, replacement in rules:
        if match := re.match(pattern, key):
            return SEGMENTOR + match.expand(replacement) + key[match.end() :]
    return None


def _backbone_rules(state: Mapping[str, Tensor]) -> list[tuple[str, str]]:
    """Rules for the network that has these keys."""
    if 'layer0.layer.0.0.weight' in state:
        return list(SHUFFLENET)
    if 'layer0.0.0.weight' in state:
        # Block by block, since a number is added to that of each layer.
        blocks = sorted({m[0] for k in state if (m := re.match(r'layer\d\.\d+\.', k))})
        rules = []
        for block in blocks:
            layer, number = (int(n) for n in re.findall(r'\d+', block))
            place = MOBILENET_STARTS[layer] + number
            rules.append((re.escape(block), f'backbone.features.{place}.'))
        return rules
    return list(DEEP_RESNET if 'layer0.6.weight' in state else RESNET)
