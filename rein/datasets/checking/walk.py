"""All pairs of all data sets of a config, over all cores."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

from mmengine.config import Config
from tqdm import tqdm

from rein.datasets.checking.duplicates import find_duplicates
from rein.datasets.checking.pairs import inspect_pair
from rein.datasets.checking.readers import reader_of
from rein.datasets.checking.sources import Source, collect, num_classes_of
from rein.datasets.checking.tally import Group, Problem, Report, group_items
from rein.runtime.workers import spread


def check(config: Config, workers: int = 1) -> Report:
    """Decode, measure and compare every pair of a config's data sets.

    Images are looked at one by one and not kept: of each stay its paths and 32 bytes.

    Args:
        config: as ``rein.runtime.settings.load_config`` reads it.
        workers: number of processes; the report does not depend on it.

    Raises:
        ConfigError: the config has no data sets.
        KeyError: it names a data set that does not exist.
        TypeError: it gives a data set an argument that the data set does not take.
    """
    sources, in_model = collect(config), num_classes_of(config)
    readers = [None if s.dataset is None else reader_of(s.dataset) for s in sources]
    groups, pairs = group_items(sources, readers)
    report = Report(groups, [])
    report.tell(_of_whole_sets(groups, in_model))
    limits = [_limit(source, in_model) for source in sources]
    look = partial(inspect_pair, readers, limits)
    images = defaultdict(list)
    found = spread(look, [item for item, _ in pairs], workers)
    with tqdm(total=len(pairs), desc='checking', unit='pair', mininterval=1) as bar:
        for (item, group), finding in zip(pairs, found, strict=True):
            bar.update()
            group.add(finding)
            files = (item.image,) if item.label is None else (item.image, item.label)
            report.tell(Problem(kind, group, told, files) for kind, told in finding.problems)
            if finding.digest is not None:
                images[finding.digest].append((item, group))
    report.tell(find_duplicates(images))
    return report


def _limit(source: Source, in_model: int | None) -> int | None:
    """How many classes the labels of a data set may have."""
    known = [count for count in (in_model, len(source.classes)) if count]
    return min(known) if known else None


def _of_whole_sets(groups: Sequence[Group], in_model: int | None) -> Iterator[Problem]:
    """Tell what needs no look at the files, once for each data set."""
    seen: list[Source] = []
    for group in groups:
        source = group.source
        if source in seen:
            continue
        seen.append(source)
        if source.failure:
            kind = 'unlisted' if source.dataset is None else 'unpaired'
            yield Problem(kind, group, source.failure)
        if source.dataset is None:
            continue
        if 'train' in source.roles and len(source.roles) > 1:
            told = f'{source.name} is listed for {group.role}: all of its {len(source.dataset)}'
            yield Problem('leak', group, f'{told} images are in training and in the others')
        if in_model is not None and source.classes and len(source.classes) != in_model:
            told = f'{source.name} has {len(source.classes)} classes, decode_head.num_classes is'
            yield Problem('num-classes', group, f'{told} {in_model}')
