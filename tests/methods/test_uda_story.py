"""Domain adaptation from a release to pictures, by the configs of configs/uda made tiny."""

import json
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from mmseg.visualization import SegLocalVisualizer
from PIL import Image
from tiny_story import ROOT, run, tool

from rein.cli import train
from rein.hooks.checkpoint_files import read_checkpoint
from rein.models.backbones import MixTransformer

pytestmark = pytest.mark.slow

SIZES = dict(embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 1, 1, 1])
HEAD = dict(in_channels=[8, 8, 8, 8], channels=8)
# Method -> leaf of configs/uda, how deep its network lies in the model, and at two resolutions?
METHODS = {
    'source_only': ('source_only_gta2city', 0, False),
    'dacs': ('dacs_gta2city', 1, False),
    'daformer': ('daformer_gta2city', 2, False),
    'hrda': ('hrda_gta2city', 2, True),
    'mic': ('mic_gta2city', 2, True),
}
CONFIG = """
_base_ = ['rein::uda/{leaf}.py']
model = {model!r}
crop = [dict(type='RandomCrop', crop_size=(64, 64)), dict(type='RandomFlip', prob=0.5),
        dict(type='PackInputs')]
labelled = [dict(type='LoadImage'), dict(type='LoadLabels'), *crop]
train_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(dataset={data}))
val_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(data_root={city!r}, pipeline=[dict(type='LoadImage'), dict(type='LoadLabels'),
                                               dict(type='PackInputs')]))
test_dataloader = val_dataloader
test_pipeline = [dict(type='LoadImage'), dict(type='PackInputs')]
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_iters=4, val_interval=4)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
"""
SOURCE = 'dict(data_root={gta!r}, pipeline=labelled)'
BOTH = """dict(
    source={source},
    target=dict(data_root={city!r}, pipeline=[
        dict(type='LoadImage'), dict(type='MarkMargins', top=4, bottom=8), *crop]))"""
RARE = 'dict(least_pixels=20, dataset={source})'


def model_of(method, weights):
    """What a model is changed by, to be tiny."""
    _, depth, two = METHODS[method]
    head = dict(head=HEAD, scale_attention=HEAD) if two else HEAD
    backbone = dict(weights=weights, **SIZES)
    if method == 'dacs':
        backbone = dict(depth=18, base_channels=8, stem_channels=8, weights=None)
        head = dict(in_channels=64)
    network = dict(backbone=backbone, decode_head=head)
    network['data_preprocessor'] = dict(size=(64, 64))
    if two:
        network |= dict(detail_size=(32, 32))
        network['test_cfg'] = dict(crop_size=(64, 64), stride=(32, 32))
    for _ in range(depth):
        network = dict(segmentor=network)
    if depth == 2:
        distance = dict(reference=backbone, sites={'backbone[3]': 8})
        network['segmentor']['losses'] = dict(fd=distance)
    if method == 'mic':
        network['masking'] = dict(mask=dict(block=8))
    return network


def draw(image, label, ids, seed):
    """A sketch of a street: sky above a road, a car and a rare sign on it."""
    rng = np.random.default_rng(seed)
    labels = np.full((72, 96), ids[0], np.uint8)
    labels[40:] = ids[1]
    labels[36:50, 20:50] = ids[2]
    if seed % 2:
        labels[20:32, 60:72] = ids[3]
    for path in (image, label):
        path.parent.mkdir(parents=True, exist_ok=True)
    pixels = labels[..., None].astype(int) * 5 + rng.integers(0, 60, (72, 96, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(image)
    Image.fromarray(labels).save(label)


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    """A prepared GTA5, a Cityscapes, weights of a MiT, and the config of every method."""
    folder = tmp_path_factory.mktemp('uda')
    for number in range(4):
        name = f'{number:05d}.png'
        ids = (23, 7, 26, 20)
        draw(folder / 'gta/images' / name, folder / 'gta/labels' / name, ids, number)
        for split in ('train', 'val'):
            stem = f'{split}/town/town_{number:06d}_000019'
            draw(
                folder / f'city/leftImg8bit/{stem}_leftImg8bit.png',
                folder / f'city/gtFine/{stem}_gtFine_labelTrainIds.png',
                (10, 0, 13, 7),
                number,
            )
    run(sys.executable, ROOT / 'data_prep/gta5.py', folder / 'gta')
    torch.manual_seed(0)
    network = MixTransformer(**SIZES)
    network.init_weights()
    torch.save(network.state_dict(), folder / 'mit.pth')
    names = {'gta': str(folder / 'gta'), 'city': str(folder / 'city')}
    source = SOURCE.format(**names)
    for method, (leaf, depth, _) in METHODS.items():
        data = source
        if depth:
            rare = source if method == 'dacs' else RARE.format(source=source)
            data = BOTH.format(source=rare, **names)
        model = model_of(method, str(folder / 'mit.pth'))
        text = CONFIG.format(leaf=leaf, model=model, data=data, **names)
        (folder / f'{method}.py').write_text(text)
    return folder


def go(home, method, where, *more):
    """Train here, in this process."""
    config, out = str(home / f'{method}.py'), str(home / where)
    SegLocalVisualizer._instance_dict.clear()  # one writes the numbers of one run
    assert train([config, '--work-dir', out, *more]) == 0
    return home / where


def state(folder):
    return read_checkpoint(folder / 'iter_4.pth')['state_dict']


def logged(folder):
    files = sorted(folder.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if 'loss' in line]


@pytest.mark.parametrize('method', METHODS)
def test_a_run_that_was_killed_goes_on_exactly(home, method):
    whole = state(go(home, method, f'{method}/whole'))
    go(home, method, f'{method}/cut', '--cfg-options', 'train_cfg.max_iters=2')
    cut = state(go(home, method, f'{method}/cut', '--resume'))
    assert whole.keys() == cut.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, cut[name]), name
    assert not any('reference' in name for name in whole)  # the network before training
    assert ('teacher.updates' in whole) == (method != 'source_only')
    if method != 'source_only':
        assert whole['teacher.updates'] == 4
        assert (home / method / 'whole/lessons/iter_0.jpg').is_file()


def test_every_method_logs_the_losses_that_it_is_made_of(home):
    kinds = {
        'source_only': {'decode.loss_ce'},
        'dacs': {'source.decode.loss_ce', 'target.decode.loss_ce'},
    }
    kinds['daformer'] = kinds['dacs'] | {'source.fd.loss'}
    kinds['hrda'] = kinds['daformer'] | {
        f'{kind}.decode.detail.loss_ce' for kind in ('source', 'target')
    }
    kinds['mic'] = kinds['hrda'] | {'masked.decode.loss_ce', 'masked.decode.detail.loss_ce'}
    for method, wanted in kinds.items():
        lines = logged(home / f'{method}/whole')
        assert len(lines) == 4
        for line in lines:
            found = {name for name in line if 'loss' in name and name != 'loss'}
            assert found == wanted
            assert np.isfinite([line[name] for name in found]).all()
            assert line['loss'] == pytest.approx(sum(line[name] for name in found), rel=1e-5)


def test_tested_and_asked_the_model_gives_one_answer(home):
    out = home / 'mic.json'
    weights = home / 'mic/whole/iter_4.pth'
    tool('test', home / 'mic.py', weights, '--out', out, '--show-dir', home / 'shown')
    record = json.loads(out.read_text())
    metrics = record['metrics']
    assert record['inference']['crop_size'] == [64, 64]  # of the segmentor inside
    assert len(list((home / 'shown').rglob('*.*'))) == 4
    model = init_model(Config.fromfile(home / 'mic.py'), str(weights), device='cpu')
    hits = total = 0
    for image in sorted((home / 'city/leftImg8bit/val').rglob('*.png')):
        answer = inference_model(model, str(image)).pred_sem_seg.data[0]
        label = str(image).replace('leftImg8bit/', 'gtFine/', 1)
        label = label.replace('_leftImg8bit.png', '_gtFine_labelTrainIds.png')
        labels = torch.from_numpy(np.array(Image.open(label)))
        hits, total = hits + int((answer == labels).sum()), total + labels.numel()
    assert 100 * hits / total == pytest.approx(metrics['cityscapes/aAcc'], abs=0.01)


def test_two_processes_adapt_together_with_one_backward_pass_or_several(home):
    launch = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', 2]
    found = {}
    for port, order in ((29761, 'joint'), (29762, 'sequential')):
        words = [home / 'mic.py', '--work-dir', home / f'two_{order}', '--launcher', 'pytorch']
        words += ['--cfg-options', f'model.passes.backward={order}', 'train_cfg.max_iters=2']
        run(*launch, '--master-port', port, ROOT / 'tools/train.py', *words)
        found[order] = read_checkpoint(home / f'two_{order}/iter_2.pth')['state_dict']
    for name, tensor in found['joint'].items():
        torch.testing.assert_close(found['sequential'][name], tensor, msg=name)
