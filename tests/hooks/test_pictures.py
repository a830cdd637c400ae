from types import SimpleNamespace

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from rein.hooks.pictures import PicturesHook, draw_sample, paint

CLASSES = ('sky', 'car', 'road')
PALETTE = [[70, 130, 180], [0, 0, 142], [128, 64, 128]]


def sample(path, domain, *, label=True):
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(path)
    pred = torch.zeros(1, 40, 60, dtype=torch.long)
    pred[:, 20:] = 2
    made = SegDataSample(metainfo={'img_path': str(path), 'domain': domain})
    made.pred_sem_seg = PixelData(data=pred)
    if label:
        truth = pred.clone()
        truth[:, :, :10] = 255
        truth[:, 10:20, 30:40] = 1
        made.gt_sem_seg = PixelData(data=truth)
    return made


def runner():
    meta = {'classes': CLASSES, 'palette': PALETTE}
    logger = MMLogger.get_instance('pictures')
    return SimpleNamespace(test_evaluator=SimpleNamespace(dataset_meta=meta), logger=logger)


def test_labels_get_their_colours_and_what_is_no_class_is_black():
    painted = paint(np.array([[0, 2], [255, 3]]), PALETTE)
    assert painted.tolist() == [[PALETTE[0], PALETTE[2]], [[0, 0, 0], [0, 0, 0]]]


def test_image_label_and_prediction_stand_side_by_side(tmp_path):
    path = tmp_path / 'a.png'
    picture = np.asarray(draw_sample(sample(path, 'day'), path, CLASSES, PALETTE, width=800))
    assert picture.shape[1] == 3 * 60 + 2 * 4
    row = picture[18 + 15]  # image row 15, below a line of text
    assert row[5].tolist() == [200, 200, 200]
    assert row[64 + 5].tolist() == [0, 0, 0]
    assert row[64 + 35].tolist() == PALETTE[1]
    assert row[128 + 35].tolist() == PALETTE[0]


def test_an_image_without_label_gets_two_panels_and_a_wide_one_is_made_smaller(tmp_path):
    path = tmp_path / 'a.png'
    made = draw_sample(sample(path, 'day', label=False), path, CLASSES, PALETTE, width=30)
    assert made.size[0] == 2 * 30 + 4


def test_pictures_are_filed_by_domain_and_limited_and_never_overwrite_each_other(tmp_path):
    hook = PicturesHook(str(tmp_path / 'shows'), limit=2)
    samples = []
    for domain, folder in [('day', 'x'), ('day', 'y'), ('dusk', 'x'), ('day', 'z')]:
        (tmp_path / folder).mkdir(exist_ok=True)
        samples.append(sample(tmp_path / folder / 'frame.png', domain))
    hook.before_test_epoch(runner())
    hook.after_test_iter(runner(), 0, outputs=samples)
    hook.after_test_epoch(runner())
    found = sorted(str(p.relative_to(tmp_path / 'shows')) for p in tmp_path.rglob('*.jpg'))
    assert found == ['day/frame.jpg', 'day/y_frame.jpg', 'dusk/frame.jpg']
