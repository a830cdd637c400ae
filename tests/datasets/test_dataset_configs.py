"""Every base of configs/_base_/datasets, built on tiny copies of what it looks for."""

import fnmatch
import re
from pathlib import Path

import pytest
import tiny_datasets as tiny
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS, METRICS

import rein  # noqa: F401
from rein.datasets.class_tiles import ClassTiles, find_points, image_key
from rein.datasets.classes import CORRUPTION_KINDS, CORRUPTIONS, LEVELS

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
TRAIN = sorted(path.name for path in BASES.glob('train_*.py'))
JOINT = sorted(path.name for path in BASES.glob('joint_*.py'))
SOURCES = sorted(
    f'uda_{name}_{k}.py' for name in ('gta', 'synthia', 'cityscapes') for k in (512, 1024)
)
ADAPTED = sorted({path.name for path in BASES.glob('uda_*.py')} - set(SOURCES))
TEST = sorted(path.name for path in BASES.glob('test_*.py') if not path.name.endswith('_server.py'))
SERVER = sorted(path.name for path in BASES.glob('test_*_server.py'))


def tiny_split(source, name):
    """In the place of thousands of images."""
    return {'GTA5': ['00001', '00002'], 'Synthia': ['0000001']}[source]


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp('home')
    tiny.all_sets(folder / 'data')
    return folder


@pytest.fixture
def load(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.setenv('CAMVID_ROOT', 'data/camvid')
    monkeypatch.setattr('rein.datasets.splits.split_images', tiny_split)
    # MMEngine collects garbage at each data set, which would be most of the time.
    monkeypatch.setattr('mmengine.dataset.base_dataset.gc.collect', lambda: 0)
    init_default_scope('mmseg')

    def load(name):
        config = Config.fromfile(BASES / name)
        for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            if key in config:
                config[key].update(num_workers=0, persistent_workers=False)
        return config

    return load


@pytest.mark.parametrize('name', TRAIN + SOURCES)
def test_a_training_base_gives_crops_of_its_size_and_nothing_else(load, name):
    config = load(name)
    assert set(config) == {'train_dataloader'}
    sampled = config.train_dataloader.dataset.dataset
    if sampled.type == 'ClassUniformDataset':
        sampled.tile = 8
        write_tiles(sampled)
    batch = next(iter(Runner.build_dataloader(config.train_dataloader, seed=0)))
    size = 256 if 'camvid' in name else int(re.search(r'_(\d+)[_.]', name)[1])
    assert len(batch['inputs']) == config.train_dataloader.batch_size
    # Smaller ones are padded by the model's preprocessor.
    assert max(side for image in batch['inputs'] for side in image.shape[1:]) == size
    for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
        assert sample.gt_sem_seg.shape == image.shape[1:]
        assert sample.domain
    assert ('restyled' in batch) == ('two_views' in name)
    for image, moved in zip(batch['inputs'], batch.get('restyled', ()), strict=False):
        assert image.shape == moved.shape
        assert not torch.equal(image, moved)


@pytest.mark.parametrize('name', JOINT)
def test_a_joint_base_gives_labelled_crops_and_others_in_two_views(load, name):
    config = load(name)
    assert set(config) == {'train_dataloader'}
    config.train_dataloader.batch_size = 32
    batch = next(iter(Runner.build_dataloader(config.train_dataloader, seed=0)))
    size = int(re.search(r'_(\d+)[_.]', name)[1])
    kinds, changed = {True: 0, False: 0}, 0
    parts = (batch[key] for key in ('inputs', 'restyled', 'data_samples'))
    for image, view, sample in zip(*parts, strict=True):
        labelled = 'gt_sem_seg' in sample
        kinds[labelled] += 1
        assert max(image.shape[1:]) <= size
        changed += not torch.equal(image, view)
        assert torch.equal(image, view) or not labelled
        assert labelled == (sample.domain != 'generated')
    assert min(kinds.values()) > 0
    assert changed > 0  # not all: colours are left alone now and then


@pytest.mark.parametrize('name', ADAPTED)
def test_a_base_of_adaptation_gives_as_many_labelled_crops_as_others(load, name):
    config = load(name)
    assert set(config) == {'train_dataloader'}
    source = config.train_dataloader.dataset.dataset.source
    if source.type == 'RareClassDataset':
        source.tries = 0  # nothing here shows enough pixels of a class
    loader = Runner.build_dataloader(config.train_dataloader, seed=0)
    batch = next(iter(loader))
    size = int(re.search(r'_(\d+)[_.]', name)[1])
    assert set(batch) == {'inputs', 'data_samples'}
    labelled = ['gt_sem_seg' in sample for sample in batch['data_samples']]
    assert labelled == [True, False] * 2
    # Smaller ones are padded by the model's preprocessor.
    assert max(side for image in batch['inputs'] for side in image.shape[1:]) == size
    city = 'cityscapes' in name.split('_', 3)[-1] or 'one_image' in name
    others = slice(1, None, 2)
    for image, sample in zip(batch['inputs'][others], batch['data_samples'][others], strict=True):
        assert ('margins' in sample) == city
        if city:
            assert sample.margins.data.shape[-2:] == image.shape[-2:]


def write_tiles(sampled):
    """What data_prep/class_tiles.py does for a config."""
    dataset = DATASETS.build(sampled.dataset)
    found = find_points(dataset, sampled.tile, 1)
    points = {image_key(image, sampled.tiles): each for image, each in found}
    ClassTiles(sampled.tile, points).write(sampled.tiles)


SCALES = [256, 307, 358, 409, 460, 512, 563, 614, 665, 716, 768, 819, 870, 921, 972, 1024]


def test_the_sixteen_sizes_of_the_published_augmentation():
    for name, factor in (('train_gta_512.py', 1), ('train_cityscapes_1024.py', 2)):
        pipeline = Config.fromfile(BASES / name).train_dataloader.dataset.dataset.pipeline
        resize = pipeline[2]
        assert resize.scales == [int(512 * factor * x * 0.1) for x in range(5, 21)]
        assert resize.max_size == 2048 * factor
    assert [int(512 * x * 0.1) for x in range(5, 21)] == SCALES


def test_joined_sources_keep_their_domains(load):
    loader = load('train_gta_synthia_urbansyn_512.py').train_dataloader
    dataset = Runner.build_dataloader(loader, seed=0).dataset
    domains = [dataset.get_data_info(k)['domain'] for k in range(len(dataset))]
    assert domains == ['gta5'] * 3 + ['synthia'] * 2 + ['urbansyn'] * 2


OWN = tiny.SIZE[::-1]
ACDC = [f'acdc-{c}' for c in ('fog', 'night', 'rain', 'snow')]
CORRUPTED = [f'cityscapes-c/{name}-{level}' for name in CORRUPTIONS for level in LEVELS]
REIN = {'cityscapes': (1024, 512), 'bdd100k': (1280, 720), 'mapillary': (1024, 512)}
EXPECTED = {
    'test_cityscapes_512.py': {'cityscapes': (1024, 512)},
    'test_cityscapes_1024.py': {'cityscapes': (2048, 1024)},
    'test_cityscapes_512_synthia.py': {'cityscapes': (1024, 512)},
    'test_cityscapes_1024_synthia.py': {'cityscapes': (2048, 1024)},
    'test_cityscapes_bdd_mapillary_512.py': REIN,
    'test_cityscapes_bdd_mapillary_512_synthia.py': REIN,
    'test_cityscapes_bdd_mapillary_512_large.py': {
        'cityscapes': (2048, 1024),
        'bdd100k': (1280, 720),
        'mapillary': (2048, 1024),
    },
    'test_cityscapes_bdd_mapillary_1024.py': dict.fromkeys(
        ('cityscapes', 'bdd100k', 'mapillary'), (2048, 1024)
    ),
    'test_cityscapes_bdd_mapillary_native.py': dict.fromkeys(
        ('cityscapes', 'bdd100k', 'mapillary'), OWN
    ),
    'test_cityscapes_bdd_mapillary_short1024.py': dict.fromkeys(
        ('cityscapes', 'bdd100k', 'mapillary'), (1365, 1024)
    ),
    'test_acdc_512.py': {'cityscapes': (1024, 512), **dict.fromkeys(ACDC, (960, 540))},
    'test_acdc_1024.py': {'cityscapes': (2048, 1024), **dict.fromkeys(ACDC, (1920, 1080))},
    'test_acdc_cityscapes_short1024.py': dict.fromkeys(('cityscapes', *ACDC), (1365, 1024)),
    'test_blindnet_gta.py': {
        **dict.fromkeys(('cityscapes', 'bdd100k', 'synthia'), OWN),
        'mapillary': (1024, 1024),
    },
    'test_blindnet_cityscapes.py': {
        **dict.fromkeys(('bdd100k', 'gta5', 'synthia'), OWN),
        'mapillary': (1024, 1024),
    },
    'test_blindnet_synthia.py': {
        **dict.fromkeys(('cityscapes', 'bdd100k', 'gta5'), OWN),
        'mapillary': (1024, 1024),
    },
    'test_robustnet_gta.py': {
        **dict.fromkeys(('cityscapes', 'bdd100k', 'synthia'), OWN),
        'mapillary': (1536, 1536),
    },
    'test_robustnet_cityscapes.py': {
        **dict.fromkeys(('bdd100k', 'gta5', 'synthia'), OWN),
        'mapillary': (1536, 1536),
    },
    'test_mapillary_half.py': {'mapillary': OWN},
    'test_mapillary_full.py': {'mapillary': OWN},
    'test_mapillary_crop1024.py': {'mapillary': (1024, 1024)},
    'test_mapillary_crop1536.py': {'mapillary': (1536, 1536)},
    'test_dark_zurich_512.py': {'dark-zurich': (960, 540)},
    'test_dark_zurich_1024.py': {'dark-zurich': (1920, 1080)},
    'test_gta_val.py': {'gta5': OWN},
    'test_synthia_val.py': {'synthia': OWN},
    'test_cityscapes_c_512.py': dict.fromkeys(CORRUPTED, (1024, 512)),
    'test_cityscapes_c_1024.py': dict.fromkeys(CORRUPTED, (2048, 1024)),
    'test_camvid.py': {'camvid-day': OWN, 'camvid-dusk': OWN},
    'test_camvid_192.py': {'camvid-day': (192, 144), 'camvid-dusk': (192, 144)},
}
# Sizes at which the labels are scored too; all others are scored at the labels' own.
RESIZED_LABELS = ((1365, 1024), (1024, 1024), (1536, 1536))


@pytest.mark.parametrize('name', TEST)
def test_a_test_base_gives_each_domain_its_size_and_is_scored_at_the_one_it_says(load, name):
    config = load(name)
    assert set(config) == {'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator'}
    METRICS.build(config.test_evaluator)
    assert config.val_evaluator == config.test_evaluator
    seen = {}
    for batch in Runner.build_dataloader(config.test_dataloader):
        for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
            box = EXPECTED[name][sample.domain]
            scored = box[::-1] if box in RESIZED_LABELS else tiny.SIZE
            assert sample.gt_sem_seg.shape == sample.ori_shape == scored
            seen[sample.domain] = image.shape[1:]
    assert set(seen) == set(EXPECTED[name])
    for domain, (height, width) in seen.items():
        box = EXPECTED[name][domain]
        assert height <= box[1] and width <= box[0]
        assert height == box[1] or width == box[0]  # the fake images are 4:3


@pytest.mark.parametrize('name', TEST)
def test_the_further_means_of_a_test_base_are_over_domains_that_it_tests(name):
    evaluator = Config.fromfile(BASES / name).test_evaluator
    for patterns in (evaluator.get('means') or {}).values():
        for pattern in patterns:
            assert fnmatch.filter(EXPECTED[name], pattern), pattern
    assert set(evaluator.get('mean_domains') or ()) <= set(EXPECTED[name])


def test_the_kinds_and_the_levels_of_cityscapes_c_each_take_all_80_domains_once():
    means = Config.fromfile(BASES / 'test_cityscapes_c_512.py').test_evaluator.means
    counts = {
        name: sum(len(fnmatch.filter(CORRUPTED, pattern)) for pattern in patterns)
        for name, patterns in means.items()
    }
    assert counts == {
        **dict.fromkeys(CORRUPTION_KINDS, 20),
        **{f'level{level}': 16 for level in LEVELS},
    }


@pytest.mark.parametrize('name', SERVER)
def test_a_base_for_a_server_lists_test_images_without_labels(load, name):
    config = load(name)
    assert set(config) == {'test_dataloader', 'test_evaluator'}
    METRICS.build(config.test_evaluator)
    (paths,) = {
        tuple(sample.img_path for batch in loader for sample in batch['data_samples'])
        for loader in [Runner.build_dataloader(config.test_dataloader)]
    }
    assert len(paths) == {'test_cityscapes_server.py': 2, 'test_acdc_server.py': 4}[name]
    assert all('/test/' in path for path in paths)


def test_bases_that_a_config_combines_share_no_key():
    train = set(Config.fromfile(BASES / TRAIN[0]))
    assert all(not train & set(Config.fromfile(BASES / name)) for name in TEST)
