"""ImageNet weights of torchvision's layout into a convolutional network, strictly."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.error import URLError

import torchvision
from torch import Tensor, nn

from rein.checkpoints.comparison import misfits
from rein.models.backbones.weight_files import WeightsError, read_checkpoint

CLASSIFIER = ('fc.', 'classifier.')
# The file of MIT CSAIL names the layers of a stem of three convolutions one by one.
DEEP_STEM = {'conv1': '0', 'bn1': '1', 'conv2': '3', 'bn2': '4', 'conv3': '6', 'bn3': '7'}


def load_imagenet(network: nn.Module, source: str, replaced: Iterable[str] = ()) -> None:
    """Load weights of ImageNet classification, all or nothing.

    Args:
        network: with torchvision's keys, but for the classifier.
        source: a file, or the name of torchvision weights such as
            ``'ResNet50_Weights.IMAGENET1K_V1'``, which are downloaded once into ``TORCH_HOME``.
        replaced: prefixes of the keys of layers whose place another one has taken; they are left
            out.

    Raises:
        WeightsError: no such file or name, no download, damaged, or not of this network.
    """
    state = _renamed(_read(source), network)
    own = network.state_dict()
    unused = (*CLASSIFIER, *replaced)
    state = {key: value for key, value in state.items() if not key.startswith(unused)}
    complaints = misfits(state, own, lambda key: key.startswith('norms.'))
    if complaints:
        raise WeightsError(
            '\n'.join([f'{source} does not fit {type(network).__name__}.', *complaints])
        )
    network.load_state_dict(state, strict=False)


def _read(source: str) -> Mapping[str, Tensor]:
    if Path(source).is_file():
        return read_checkpoint(source)
    try:
        weights = torchvision.models.get_weight(source)
    except (ValueError, AttributeError) as error:
        raise WeightsError(
            f'backbone.weights: there is no file {source} (in {Path.cwd()}), and torchvision has '
            "no weights of that name; names are such as 'ResNet50_Weights.IMAGENET1K_V1'"
        ) from error
    try:
        return weights.get_state_dict(progress=True, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsError(
            f'backbone.weights: {source} could not be downloaded from {weights.url} ({error}); '
            'get it by other means and give its path'
        ) from error


def _renamed(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Keys of a three-convolution stem as in MMSegmentation; all others as they are."""
    if not hasattr(network, 'stem') or 'conv3.weight' not in state:
        return dict(state)
    names = {}
    for key in state:
        first, _, rest = key.partition('.')
        names[key] = f'stem.{DEEP_STEM[first]}.{rest}' if first in DEEP_STEM else key
    return {names[key]: value for key, value in state.items()}
