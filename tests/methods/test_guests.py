"""The parts as guests in other houses: a stock MMSegmentation config, and a wheel's configs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import mmseg
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MMSEG = Path(mmseg.__file__).parent / '.mim'

# MMSegmentation's own UPerNet with two changes: the backbone, and sizes that suit a test.
UPERNET = """
_base_ = [
    {mmseg!r} + '/configs/_base_/models/upernet_vit-b16_ln_mln.py',
    {mmseg!r} + '/configs/_base_/default_runtime.py',
    {mmseg!r} + '/configs/_base_/schedules/schedule_20k.py',
]
custom_imports = dict(imports=['rein'])
bn = dict(type='BN')
model = dict(
    pretrained=None,
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(
        _delete_=True, type='FoundationBackbone', model='vit_tiny_patch16_224',
        model_args=dict(img_size=64, embed_dim=32, depth=4, num_heads=2),
        adapter=dict(type='ReinAdapter', token_length=8, rank=4)),
    neck=None,
    decode_head=dict(in_channels=[32] * 4, channels=16, num_classes=3, norm_cfg=bn),
    auxiliary_head=dict(in_channels=32, channels=16, num_classes=3, norm_cfg=bn))
classes = dict(classes=('sky', 'car', 'road'),
               palette=[[70, 130, 180], [0, 0, 142], [128, 64, 128]])
load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
dataset = dict(type='BaseSegDataset', data_root='data', metainfo=classes, img_suffix='.png',
               data_prefix=dict(img_path='images', seg_map_path='labels'), pipeline=load)
train_dataloader = dict(batch_size=2, num_workers=0, dataset=dataset,
                        sampler=dict(type='InfiniteSampler', shuffle=True))
val_dataloader = dict(batch_size=1, num_workers=0, dataset=dataset,
                      sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2))
"""

HEIR = """
_base_ = 'rein::rein/dinov2_gta2cbm.py'
model = dict(decode_head=dict(num_classes=3))
"""


def python(folder: Path, *args: object, path: Path = ROOT) -> str:
    """Run Python in ``folder`` with the package found at ``path``; returns what it printed."""
    process = subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=folder,
        env={**os.environ, 'PYTHONPATH': str(path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-6000:]
    return process.stdout


def draw_images(folder: Path, images: int = 4) -> None:
    """Write noisy images of sky above road, with labels."""
    rng = np.random.default_rng(0)
    labels = np.zeros((64, 64), np.uint8)
    labels[32:] = 2
    for kind in ('images', 'labels'):
        (folder / kind).mkdir(parents=True)
    for number in range(images):
        pixels = labels[..., None] * 60 + rng.integers(0, 60, (64, 64, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f'images/{number}.png')
        Image.fromarray(labels).save(folder / f'labels/{number}.png')


@pytest.mark.slow
def test_a_stock_upernet_config_trains_and_tests_with_mmsegs_own_tools(tmp_path):
    draw_images(tmp_path / 'data')
    (tmp_path / 'upernet.py').write_text(UPERNET.format(mmseg=str(MMSEG)))
    printed = python(tmp_path, MMSEG / 'tools/train.py', 'upernet.py')
    assert 'Iter(train) [2/2]' in printed
    trained = tmp_path / 'work_dirs/upernet/iter_2.pth'
    printed = python(tmp_path, MMSEG / 'tools/test.py', 'upernet.py', trained)
    assert 'mIoU' in printed.splitlines()[-1]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """The wheel of the working tree, and a folder that it is installed to."""
    folder = tmp_path_factory.mktemp('wheel')
    # The sources are copied: a build writes build/ and *.egg-info beside them.
    source = folder / 'source'
    listed = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split('\0')  # fmt: skip
    for name in filter(None, listed):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to(os.readlink(ROOT / name))
        elif (ROOT / name).is_file():
            target.write_bytes((ROOT / name).read_bytes())
    python(source, '-m', 'build', '--wheel', '--no-isolation', '--outdir', folder, path=source)
    (built,) = folder.glob('*.whl')
    site = folder / 'site'
    python(
        folder, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index',
        '--target', site, built,
    )  # fmt: skip
    return built, site


@pytest.mark.slow
def test_the_wheel_holds_every_config_and_tool_and_no_test(wheel):
    names = set(zipfile.ZipFile(wheel[0]).namelist())
    for folder in ('configs', 'tools'):
        files = {str(f.relative_to(ROOT)) for f in (ROOT / folder).rglob('*.py')}
        assert {f'rein/.mim/{name}' for name in files} <= names
    assert not any(name.startswith(('tests/', 'docs/')) for name in names)


@pytest.mark.slow
def test_another_project_inherits_a_config_from_the_installed_wheel(wheel, tmp_path):
    (tmp_path / 'mine.py').write_text(HEIR)
    printed = python(
        tmp_path, '-c',
        'import rein, torch\n'
        'from mmengine.config import Config\n'
        'from mmengine.registry import init_default_scope\n'
        'from mmseg.registry import MODELS\n'
        "config = Config.fromfile('mine.py')\n"
        'init_default_scope(config.default_scope)\n'
        'config.model.backbone.weights = None\n'
        "with torch.device('meta'):\n"
        '    model = MODELS.build(config.model)\n'
        'print(rein.__file__, model.decode_head.num_classes, model.backbone.model)',
        path=wheel[1],
    )  # fmt: skip
    where, *values = printed.split()[-3:]
    assert Path(where).is_relative_to(wheel[1])
    assert values == ['3', 'vit_large_patch14_dinov2.lvd142m']
