"""Every base of configs/_base_/datasets, built on tiny copies of what it looks for."""

from pathlib import Path

import pytest
import tiny_datasets as tiny
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

import rein  # noqa: F401

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
TRAIN = sorted(path.name for path in BASES.glob('train_*.py'))
TEST = sorted(path.name for path in BASES.glob('test_*.py'))


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp('home')
    tiny.all_sets(folder / 'data')
    return folder


@pytest.fixture
def load(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.setenv('CAMVID_ROOT', 'data/camvid')
    init_default_scope('mmseg')

    def load(name):
        config = Config.fromfile(BASES / name)
        for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            if key in config:
                config[key].update(num_workers=0, persistent_workers=False)
        return config

    return load


@pytest.mark.parametrize('name', TRAIN)
def test_a_training_base_gives_crops_of_its_size_and_nothing_else(load, name):
    config = load(name)
    assert set(config) == {'train_dataloader'}
    batch = next(iter(Runner.build_dataloader(config.train_dataloader, seed=0)))
    size = 256 if 'camvid' in name else int(name.removesuffix('.py').rpartition('_')[2])
    assert len(batch['inputs']) == config.train_dataloader.batch_size
    # Smaller ones are padded by the model's preprocessor.
    assert max(side for image in batch['inputs'] for side in image.shape[1:]) == size
    for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
        assert sample.gt_sem_seg.shape == image.shape[1:]
        assert sample.domain


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


EXPECTED = {
    'test_cityscapes_512.py': {'cityscapes': (1024, 512)},
    'test_cityscapes_1024.py': {'cityscapes': (2048, 1024)},
    'test_cityscapes_bdd_mapillary_512.py': {
        'cityscapes': (1024, 512),
        'bdd100k': (1280, 720),
        'mapillary': (1024, 512),
    },
    'test_acdc_512.py': {
        'cityscapes': (1024, 512),
        **{f'acdc-{c}': (960, 540) for c in ('fog', 'night', 'rain', 'snow')},
    },
    'test_acdc_1024.py': {
        'cityscapes': (2048, 1024),
        **{f'acdc-{c}': (1920, 1080) for c in ('fog', 'night', 'rain', 'snow')},
    },
    'test_camvid.py': {'camvid-day': (32, 24), 'camvid-dusk': (32, 24)},
    'test_camvid_192.py': {'camvid-day': (192, 144), 'camvid-dusk': (192, 144)},
}


@pytest.mark.parametrize('name', TEST)
def test_a_test_base_fits_the_images_of_each_domain_and_leaves_the_labels_as_they_are(load, name):
    config = load(name)
    assert set(config) == {'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator'}
    seen = {}
    for batch in Runner.build_dataloader(config.test_dataloader):
        for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
            assert sample.gt_sem_seg.shape == sample.ori_shape == tiny.SIZE
            seen[sample.domain] = image.shape[1:]
    assert set(seen) == set(EXPECTED[name])
    for domain, (height, width) in seen.items():
        box = EXPECTED[name][domain]
        assert height <= box[1] and width <= box[0]
        assert height == box[1] or width == box[0]  # the fake images are 4:3


def test_bases_that_a_config_combines_share_no_key():
    train = set(Config.fromfile(BASES / TRAIN[0]))
    assert all(not train & set(Config.fromfile(BASES / name)) for name in TEST)
