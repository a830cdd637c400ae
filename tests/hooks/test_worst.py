"""The worst images of a test: which are kept, how many, and what is written."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from rein.hooks import WorstImagesHook, worst
from rein.metrics import DomainIoUMetric


def sample(image, right, domain='day', label=0):
    """Ten pixels of one label, so many of them predicted right."""
    result = SegDataSample(metainfo={'img_path': f'{image}.png', 'domain': domain})
    result.gt_sem_seg = PixelData(data=torch.full((1, 2, 5), label))
    prediction = torch.ones(10, dtype=torch.long)
    prediction[:right] = 0
    result.pred_sem_seg = PixelData(data=prediction.reshape(1, 2, 5))
    return result


def run_of(hook, batches, most=None):
    """A runner whose test has seen the batches; the hook never holds more maps than ``most``."""
    metric = DomainIoUMetric()
    metric.dataset_meta = dict(classes=('sky', 'car'))
    runner = SimpleNamespace(
        test_evaluator=SimpleNamespace(metrics=[metric]), logger=MMLogger.get_current_instance()
    )
    hook.before_test_epoch(runner)
    for batch in batches:
        metric.process(None, [each.to_dict() for each in batch])
        hook.after_test_iter(runner, 0, None, batch)
        assert most is None or sum(map(len, hook.kept.values())) <= most
    return runner


def names(hook, domain='day'):
    return [entry['image'] for entry in hook.found[domain]]


def test_the_worst_images_of_each_domain_are_written_the_worst_first(tmp_path):
    hook = WorstImagesHook(tmp_path / 'w', limit=2)
    batches = [
        [sample('a', 9), sample('b', 2)],
        [sample('c', 5), sample('n', 8, 'night')],
        [sample('d', 4)],
    ]
    hook.after_test_epoch(run_of(hook, batches))
    assert names(hook) == ['b.png', 'd.png'] and names(hook, 'night') == ['n.png']
    # Sky 2 of 10 labelled, and a car that is nowhere: (20 + 0) / 2.
    assert [entry['mIoU'] for entry in hook.found['day']] == [10, 20]
    written = np.asarray(Image.open(tmp_path / 'w/day/01_b.png'))
    assert written.tolist() == [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]
    assert np.asarray(Image.open(tmp_path / 'w/day/01_b_label.png')).sum() == 0
    assert hook.found['day'][0]['prediction_map'] == str(tmp_path / 'w/day/01_b.png')
    assert len(list((tmp_path / 'w').rglob('*.png'))) == 6


def test_no_more_images_are_in_memory_than_are_asked_for(tmp_path):
    scores = np.random.default_rng(0).permutation(200) % 10
    hook = WorstImagesHook(tmp_path, limit=3)
    run_of(hook, [[sample(f'{k:03d}', int(s))] for k, s in enumerate(scores)], most=3)
    kept = [(each.miou, each.image) for each in hook.kept['day']]
    everything = sorted((5.0 * s, f'{k:03d}.png') for k, s in enumerate(scores))
    assert kept == everything[:3]


def test_an_image_without_a_labelled_pixel_is_none_of_the_worst(tmp_path):
    hook = WorstImagesHook(tmp_path, limit=2)
    hook.after_test_epoch(run_of(hook, [[sample('a', 3, label=255), sample('b', 3)]]))
    assert names(hook) == ['b.png']


def test_several_processes_are_merged_and_an_image_that_two_had_counts_once(tmp_path, monkeypatch):
    other = WorstImagesHook(tmp_path, limit=2)
    run_of(other, [[sample('a', 1)], [sample('z', 0, 'night')], [sample('c', 2)]])
    monkeypatch.setattr(worst, 'all_gather_object', lambda kept: [kept, other.kept])
    hook = WorstImagesHook(tmp_path, limit=2)
    hook.after_test_epoch(run_of(hook, [[sample('a', 1)], [sample('b', 5)]]))
    assert names(hook) == ['a.png', 'c.png'] and names(hook, 'night') == ['z.png']


def test_a_second_test_starts_anew(tmp_path):
    hook = WorstImagesHook(tmp_path, limit=2)
    run_of(hook, [[sample('a', 1)]])
    hook.after_test_epoch(run_of(hook, [[sample('b', 1)]]))
    assert names(hook) == ['b.png']


def test_what_cannot_be_done_is_refused_with_the_way_out(tmp_path):
    runner = SimpleNamespace(test_evaluator=SimpleNamespace(metrics=[object()]))
    with pytest.raises(ValueError, match=r'--worst.*DomainIoUMetric'):
        WorstImagesHook(tmp_path, limit=1).before_test_epoch(runner)
    with pytest.raises(ValueError, match='limit=0; use 1 or more'):
        WorstImagesHook(tmp_path, limit=0)
