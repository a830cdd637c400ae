"""Offline labels: by whom, where, and what is left of them after a kill."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from PIL import Image
from torch import nn

import rein  # noqa: F401
from rein.datasets.layout import images_below
from rein.datasets.png import read_numbers
from rein.datasets.pseudo_labels import LabelStore, PseudoLabelled, current
from rein.hooks import PseudoLabelHook
from rein.labelling import label_images
from rein.models.refiners.refined import as_they_are
from rein.models.segmentors.pseudo_labels import PseudoLabels
from rein.models.segmentors.teacher import Teacher


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


@pytest.fixture
def root(tmp_path):
    """Six images, of different sizes, in two folders."""
    draw = np.random.RandomState(0)
    for number in range(6):
        path = tmp_path / 'images' / ('a' if number % 2 else 'b') / f'{number}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.randint(0, 256, (8, 10 + number, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path)
    return tmp_path


class Bright(nn.Module):
    """Labels by brightness; what a SelfTraining model has of it."""

    def __init__(self, step=64.0):
        super().__init__()
        self.student = nn.Module()
        self.student.step = nn.Parameter(torch.tensor(step))
        self.teacher = Teacher(self.student)
        self.teacher.copy(self.student)
        self.refiner = None
        self.asked = 0

    def label(self, data):
        self.asked += 1
        (pixels,) = data['inputs']
        labels = (pixels[:1].float() / self.teacher.step).long()
        return [PseudoLabels(labels, pixels[1:2].float() / 255)]


class Points:
    """Takes labels away at random, as a refiner that draws."""

    def __call__(self, image, labels, draw):
        kept = labels.copy()
        kept[draw.random(labels.shape) < 0.5] = 255
        return as_they_are(kept)


def label(root, folder, model=None, **settings):
    images = images_below(root / 'images')
    store = LabelStore(folder, {'seed': 0})
    return store, list(label_images(model or Bright(), images, store, **settings))


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*.png'))
    }


def test_labels_and_confidences_lie_under_the_names_of_the_images(root):
    store, made = label(root, root / 'out')
    assert [key for key, _, _ in made] == ['a/1', 'a/3', 'a/5', 'b/0', 'b/2', 'b/4']
    pixels = np.asarray(Image.open(root / 'images/a/3.png'))
    written = read_numbers(store.label_file('a/3').read_bytes())
    assert np.array_equal(written, pixels[..., 2] // 64)  # images are read blue first
    confidence = read_numbers(store.confidence_file('a/3').read_bytes())
    assert np.array_equal(confidence, pixels[..., 1])


def test_a_stopped_run_goes_on_and_ends_with_the_same_files(root):
    label(root, root / 'whole', refiner=Points())
    images = images_below(root / 'images')
    store = LabelStore(root / 'out', {'seed': 0})
    for count, _ in enumerate(label_images(Bright(), images, store, Points()), start=1):
        if count == 2:
            break
    assert len(store.missing(list(images))) == 4
    model = Bright()
    label(root, root / 'out', model, refiner=Points())
    assert model.asked == 4
    assert content(root / 'out') == content(root / 'whole')


def test_a_kill_in_the_middle_of_writing_leaves_nothing_half(root, monkeypatch):
    def killed(*names):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr('os.replace', killed)
        with pytest.raises(KeyboardInterrupt):
            LabelStore(root / 'out', {'seed': 0})
    store = LabelStore(root / 'out', {'seed': 0})
    with monkeypatch.context() as context:
        context.setattr('os.replace', killed)
        with pytest.raises(KeyboardInterrupt):
            store.write('a/1', np.zeros((2, 2), np.uint8), np.zeros((2, 2)))
    assert store.missing(['a/1']) == ['a/1']
    label(root, root / 'out')
    assert store.missing(['a/1', 'b/4']) == []


def test_neither_the_order_nor_the_share_of_a_process_matters(root):
    label(root, root / 'whole', refiner=Points())
    images = images_below(root / 'images')
    for rank in (1, 0):
        store = LabelStore(root / 'out', {'seed': 0})
        mine = dict(list(images.items())[rank::2])
        list(label_images(Bright(), mine, store, Points()))
    assert content(root / 'out') == content(root / 'whole')


def test_labels_of_other_settings_are_refused(root):
    LabelStore(root / 'out', {'seed': 0})
    with pytest.raises(ValueError, match=r'seed is 0 there and 1 here; remove the folder'):
        LabelStore(root / 'out', {'seed': 1})


def test_a_folder_without_images_is_named(root):
    (root / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match=r'there is no image .* below .*empty'):
        images_below(root / 'empty')


def dataset(root):
    pipeline = [dict(type='LoadImage'), dict(type='LoadLabels')]
    return PseudoLabelled(str(root), pipeline=pipeline)


def test_a_data_set_reads_them_when_they_are_there(root):
    images = dataset(root)
    with pytest.raises(FileNotFoundError, match=r'a/1\.png has no labels .* yet; make them with'):
        images[0]
    store, _ = label(root, root / 'pseudo_labels')
    sample = images[0]
    written = read_numbers(store.label_file('a/1').read_bytes())
    assert np.array_equal(sample['gt_seg_map'], written)
    assert sample['img'].shape[:2] == written.shape


class Loop:
    def __init__(self):
        self.skipped = []
        self.dataloader_iterator = SimpleNamespace(skip_iter=self.skipped.append)


def runner(model, iteration=0):
    hub = MessageHub.get_instance(f'hub{np.random.randint(1_000_000_000)}')
    logger = SimpleNamespace(info=lambda text: None, warning=lambda text: said.append(text))
    said = logger.said = []
    return SimpleNamespace(
        model=model,
        iter=iteration,
        max_iters=20,
        message_hub=hub,
        logger=logger,
        train_loop=Loop(),
    )


def hook(root, **settings):
    return PseudoLabelHook(str(root), workers=0, **settings)


def test_the_hook_labels_before_the_first_iteration_and_in_rounds(root):
    run = runner(Bright())
    labels = hook(root, interval=5)
    labels.before_train(run)
    first = current(root / 'pseudo_labels')
    assert first.name.startswith('iter_0_')
    assert dataset(root)[0]['seg_map_path'] == str(first / 'labels/a/1.png')
    run.model.teacher.step.fill_(32)
    for run.iter in range(5):
        labels.after_train_iter(run, run.iter)
    second = current(root / 'pseudo_labels')
    assert second.name.startswith('iter_5_')
    assert run.train_loop.skipped == [5]  # samples are read anew from there on
    assert run.message_hub.get_info('pseudo_labels') == second.name
    assert content(first) != content(second)
    run.iter = 19
    labels.after_train_iter(run, 19)
    assert current(root / 'pseudo_labels') == second  # nothing would read others


def test_a_resumed_run_reads_the_labels_that_it_had(root):
    run = runner(Bright())
    labels = hook(root, interval=5)
    labels.before_train(run)
    first = current(root / 'pseudo_labels').name
    run.iter = 4
    labels.after_train_iter(run, 4)
    resumed = runner(Bright(step=1.0), iteration=3)  # its checkpoint is older than the second round
    resumed.message_hub.update_info('pseudo_labels', first)
    hook(root, interval=5).before_train(resumed)
    assert current(root / 'pseudo_labels').name == first
    assert resumed.model.asked == 0


def test_a_resumed_run_whose_labels_are_gone_says_so_and_makes_others(root):
    resumed = runner(Bright(), iteration=3)
    resumed.message_hub.update_info('pseudo_labels', 'iter_0_gone')
    hook(root).before_train(resumed)
    assert 'are gone; making others' in resumed.logger.said[0]
    assert current(root / 'pseudo_labels').name.startswith('iter_3_')


def test_another_teacher_has_a_round_of_its_own(root):
    for step in (64.0, 32.0):
        hook(root).before_train(runner(Bright(step)))
    rounds = [p.name for p in (root / 'pseudo_labels').iterdir() if p.is_dir()]
    assert len(rounds) == 2


def test_a_model_that_does_not_label_is_refused(root):
    with pytest.raises(ValueError, match=r'PseudoLabelHook is for model=dict\(type=.SelfTraining'):
        hook(root).before_train(runner(nn.Linear(1, 1)))
    with pytest.raises(ValueError, match=r'PseudoLabelHook\.interval is 0'):
        hook(root, interval=0)
