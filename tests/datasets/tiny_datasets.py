"""Tiny data sets in the layouts of the real ones."""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from rein.datasets.classes import CORRUPTIONS, LEVELS
from rein.generation.manifest import Job, Made
from rein.runtime.files import sha256

SIZE = (24, 32)  # height, width


def write_image(path, size=SIZE, seed=0):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.RandomState(seed).randint(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def write_labels(path, numbers=None, size=SIZE, palette=False):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if numbers is None:
        numbers = np.arange(size[0] * size[1]).reshape(size) % 19
    image = Image.fromarray(np.asarray(numbers, np.uint8))
    if palette:
        image = image.convert('P')
        image.putdata(np.asarray(numbers).ravel().tolist())
        image.putpalette(np.random.RandomState(1).randint(0, 256, 768, np.uint8).tolist())
    image.save(path)


def write_red_channel(path, numbers):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    blank = np.zeros(np.shape(numbers), np.uint16)
    cv2.imwrite(str(path), np.stack([blank, blank + 7, np.asarray(numbers, np.uint16)], axis=-1))


def generated(root, count=1, labelled=False, **changes):
    job = Job(Path(root), {'revision': 'none'}, count)
    for k in range(count):
        file, label = f'images/im_{k}_p0.png', f'labels/im_{k}_p0_labelTrainIds.png'
        write_image(f'{root}/{file}', seed=k)
        about = {'sha256': sha256(f'{root}/{file}'), 'size': Path(root, file).stat().st_size}
        if labelled:
            write_labels(f'{root}/{label}')
            about |= {'label': label, 'label_sha256': sha256(f'{root}/{label}')}
        about |= {'prompt': 'a photo of a car', 'classes': ('car',), 'seed': k, **changes}
        job.add(Made(k, file, model='m', revision='none', settings=job.digest, **about))
    assert job.finish({}) == 0


def gta5(root, count=3, ending='_labelTrainIds.png'):
    for k in range(count):
        write_image(f'{root}/images/{k:05d}.png', seed=k)
        write_labels(f'{root}/labels/{k:05d}{ending}')


def synthia(root, count=2):
    for k in range(count):
        write_image(f'{root}/RGB/{k:07d}.png', seed=k)
        write_labels(f'{root}/GT/LABELS/{k:07d}_labelTrainIds.png')


def urbansyn(root, count=2):
    for k in range(1, count + 1):
        write_image(f'{root}/rgb/rgb_{k:04d}.png', seed=k)
        write_labels(f'{root}/ss/ss_{k:04d}_labelTrainIds.png')


def cityscapes(root, split='val', count=2, image_ending='.png'):
    for k in range(count):
        name = f'{split}/town{k}/town{k}_000000_000019'
        write_image(f'{root}/leftImg8bit/{name}_leftImg8bit{image_ending}', seed=k)
        write_labels(f'{root}/gtFine/{name}_gtFine_labelTrainIds.png')
        write_labels(f'{root}/gtFine/{name}_gtFine_labelIds.png', np.full(SIZE, 7))


def bdd100k(root, split='val', count=2):
    for k in range(count):
        write_image(f'{root}/images/10k/{split}/{k:08x}.jpg', seed=k)
        write_labels(f'{root}/labels/sem_seg/masks/{split}/{k:08x}.png')


def mapillary(root, split='val', count=2):
    for k in range(count):
        write_image(f'{root}/half/{split}_img/name{k}.jpg', seed=k)
        write_labels(f'{root}/half/{split}_label/name{k}.png')


def mapillary_release(root, count=2):
    for k in range(count):
        write_image(f'{root}/validation/images/name{k}.jpg', seed=k)
        write_labels(f'{root}/validation/v1.2/labels/name{k}.png', np.full(SIZE, 13), palette=True)


def dark_zurich(root, count=2, split='val'):
    for k in range(count):
        name = f'{split}/night/GOPR0356/GOPR0356_frame_{k:06d}'
        write_image(f'{root}/rgb_anon/{name}_rgb_anon.png', seed=k)
        write_labels(f'{root}/gt/{name}_gt_labelTrainIds.png')


def cityscapes_c(root):
    for corruption in CORRUPTIONS:
        for level in LEVELS:
            name = 'val/town/town_000000_000019'
            write_image(f'{root}/leftImg8bit/{corruption}/{level}/{name}_leftImg8bit.png')
    write_labels(f'{root}/gtFine/{name}_gtFine_labelTrainIds.png')


def acdc(root, split='val'):
    for condition in ('fog', 'night', 'rain', 'snow'):
        name = f'{condition}/{split}/GOPR1/GOPR1_{condition}'
        write_image(f'{root}/rgb_anon/{name}_rgb_anon.png')
        write_image(
            f'{root}/rgb_anon/{condition}/{split}_ref/GOPR1/GOPR1_{condition}_rgb_ref_anon.png'
        )
        write_labels(f'{root}/gt/{name}_gt_labelTrainIds.png')


def camvid(root):
    for part in ('day', 'dusk'):
        for split in ('train', 'val'):
            cityscapes(f'{root}/{part}', split, image_ending='.jpg')


def statistics(root):
    """What rare class sampling reads, as if every label showed much of every class."""
    labels = sorted(Path(root).rglob('*_labelTrainIds.png'))
    files = [[path.relative_to(root).as_posix(), 5000] for path in labels]
    Path(root, 'samples_with_class.json').write_text(json.dumps({k: files for k in range(19)}))


def all_sets(data):
    """Everything that the configs look for below ``data/``, and CamVid beside it."""
    gta5(f'{data}/gta')
    synthia(f'{data}/synthia')
    urbansyn(f'{data}/urbansyn')
    for split in ('train', 'val'):
        cityscapes(f'{data}/cityscapes', split)
        bdd100k(f'{data}/bdd100k', split)
        mapillary(f'{data}/mapillary', split)
        acdc(f'{data}/acdc', split)
    mapillary_release(f'{data}/mapillary')
    for split in ('train', 'val'):
        dark_zurich(f'{data}/dark_zurich', split=split)
    cityscapes_c(f'{data}/cityscapes_c')
    for method in ('clouds', 'datum'):
        generated(f'{data}/generated/{method}')
    write_image(f'{data}/one_shot_image/frankfurt.png')
    cityscapes(f'{data}/cityscapes', 'test')
    acdc(f'{data}/acdc', 'test')
    camvid(f'{data}/camvid')
    for name in ('gta', 'synthia', 'cityscapes'):
        statistics(f'{data}/{name}')
