"""A config -> the data sets in it, each once, with what it is used for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from rein.datasets.driving_dataset import DrivingDataset
from rein.runtime.settings import ConfigError, walk

ROLES = ('train', 'val', 'test')
# What a data set does with its list, not which files are on it.
NOT_THE_FILES = ('pipeline', 'test_mode', 'lazy_init', 'serialize_data', 'max_refetch')


@dataclass(frozen=True)
class Source:
    """A data set of a config.

    Args:
        roles: some of ``ROLES``.
        name: its type, folder and split.
        domain: as the config or the class names it.
        dataset: None where it cannot be listed.
        failure: why not, or what it leaves out.
    """

    roles: tuple[str, ...]
    name: str
    domain: str
    dataset: BaseDataset | None
    failure: str = ''

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes; none where it has no names for them."""
        return tuple((self.dataset and self.dataset.metainfo.get('classes')) or ())

    @property
    def palette(self) -> tuple[tuple[int, ...], ...]:
        """A colour for each class."""
        found = (self.dataset and self.dataset.metainfo.get('palette')) or ()
        return tuple(tuple(colour) for colour in found)


def collect(config: Config) -> list[Source]:
    """List the data sets of a config's data loaders.

    Wrappers (``SeededDataset``, ``ConcatDataset``, ``SourceAndTarget``, ...) are looked through.
    Data sets that differ in nothing but their pipeline are one, in several roles.

    Raises:
        ConfigError: there are no data loaders, or one has no data set.
    """
    init_default_scope(config.get('default_scope', 'mmseg'))
    found: list[tuple[dict, dict, list[str]]] = []
    for role in ROLES:
        loader = config.get(f'{role}_dataloader')
        if loader is None:
            continue
        if not isinstance(loader, Mapping) or loader.get('dataset') is None:
            raise ConfigError(f'{role}_dataloader has no dataset; give it one, or leave it out')
        for leaf in _leaves(loader['dataset'], f'{role}_dataloader.dataset'):
            files = {key: value for key, value in leaf.items() if key not in NOT_THE_FILES}
            roles = next((roles for other, _, roles in found if other == files), None)
            if roles is None:
                found.append((files, leaf, [role]))
            elif role not in roles:
                roles.append(role)
    if not found:
        raise ConfigError(
            'the config has no train_dataloader, val_dataloader or test_dataloader, so there is '
            'nothing to check'
        )
    return [_build(leaf, tuple(roles)) for _, leaf, roles in found]


def num_classes_of(config: Config) -> int | None:
    """``num_classes`` of the first ``decode_head`` in the model; None where there is none."""
    for place, node in walk(config.get('model') or {}):
        if place.split('.')[-1] == 'decode_head':
            head = node[-1] if isinstance(node, list | tuple) and node else node
            if isinstance(head, Mapping) and head.get('num_classes') is not None:
                return int(head['num_classes'])
    return None


def _leaves(node: object, place: str) -> Iterator[dict]:
    """Look through wrappers and lists for the data sets that have files."""
    if isinstance(node, list | tuple):
        for number, child in enumerate(node):
            yield from _leaves(child, f'{place}.{number}')
    elif not isinstance(node, Mapping):
        raise ConfigError(f'{place} is {node!r}; a data set is a dict with a type')
    elif 'datasets' in node:
        yield from _leaves(node['datasets'], f'{place}.datasets')
    elif 'dataset' in node:
        yield from _leaves(node['dataset'], f'{place}.dataset')
    elif 'source' in node and 'target' in node:
        for part in ('source', 'target'):
            yield from _leaves(node[part], f'{place}.{part}')
    elif 'type' not in node:
        raise ConfigError(f"{place} has no type; name the data set, such as type='GTA5'")
    else:
        yield dict(node)


def _build(leaf: dict, roles: tuple[str, ...]) -> Source:
    """List a data set; a slip in the config itself is raised."""
    kind = leaf['type'] if isinstance(leaf['type'], str) else leaf['type'].__name__
    words = (kind, leaf.get('data_root') or leaf.get('style'), leaf.get('split'))
    name = ' '.join(str(word) for word in words if word)
    cls = DATASETS.get(leaf['type']) if isinstance(leaf['type'], str) else leaf['type']
    domain = leaf.get('domain') or getattr(cls, 'DOMAIN', '') or kind
    dataset, failure = _listed(leaf)
    ours = isinstance(cls, type) and issubclass(cls, DrivingDataset)
    if dataset is None and ours and leaf.get('unpaired') != 'skip':
        # What has no partner is an error; the pairs are looked at all the same.
        dataset, _ = _listed({**leaf, 'unpaired': 'skip'})
    return Source(roles, name, domain, dataset, failure and f'{name}: {failure}')


def _listed(leaf: dict) -> tuple[BaseDataset | None, str]:
    """List a data set without its pipeline; None, and why, where that fails."""
    try:
        dataset = DATASETS.build({**leaf, 'pipeline': [], 'lazy_init': False})
    except (OSError, ValueError, AssertionError) as error:
        return None, str(error) or type(error).__name__
    return (dataset, '') if len(dataset) else (None, 'it lists no images')
