import logging
import os
import socket

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

from rein.datasets.classes import CLASSES
from rein.metrics import DomainIoUMetric
from rein.metrics.details import iou_tables

META = dict(classes=('road', 'sky', 'car'))


def sample(domain, label, prediction, meta=None):
    meta = {'img_path': f'{domain}.png', 'domain': domain} if meta is None else meta
    result = SegDataSample(metainfo=meta)
    result.gt_sem_seg = PixelData(data=torch.tensor([label]))
    result.pred_sem_seg = PixelData(data=torch.tensor([prediction]))
    return result


SAMPLES = [
    sample('night', [[0, 0, 0, 0]], [[0, 0, 1, 1]]),
    sample('day', [[0, 1, 255, 1]], [[0, 1, 1, 1]]),
    sample('night', [[1, 1, 0, 0]], [[1, 1, 0, 0]]),
    sample('day', [[0, 0, 2, 2]], [[0, 0, 0, 2]]),
]
# night: road 4/6, sky 2/4, car absent; day: road 3/4, sky 2/2, car 1/2
NIGHT, DAY = (400 / 6 + 50) / 2, (75 + 100 + 50) / 3


def evaluate(batches, meta=META, **kwargs):
    evaluator = Evaluator(DomainIoUMetric(**kwargs))
    evaluator.dataset_meta = meta
    for batch in batches:
        evaluator.process(batch)
    return evaluator.evaluate(sum(len(batch) for batch in batches))


def test_scores_of_two_domains_worked_by_hand():
    metrics = evaluate([[s] for s in SAMPLES])
    expected = {
        'night/mIoU': NIGHT,
        'night/mAcc': (100 * 4 / 6 + 100) / 2,
        'night/aAcc': 100 * 6 / 8,
        'day/mIoU': DAY,
        'day/mAcc': (100 + 100 + 50) / 3,
        'day/aAcc': 100 * 6 / 7,
    }
    for key in ('mIoU', 'mAcc', 'aAcc'):
        expected[f'mean_{key}'] = (expected[f'night/{key}'] + expected[f'day/{key}']) / 2
    assert metrics == pytest.approx(expected)


@pytest.mark.parametrize('order', [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]])
@pytest.mark.parametrize('batch_size', [1, 3, 4])
def test_neither_order_nor_batch_size_matters(order, batch_size):
    shuffled = [SAMPLES[k] for k in order]
    batches = [shuffled[k : k + batch_size] for k in range(0, 4, batch_size)]
    assert evaluate(batches) == evaluate([SAMPLES])


def test_the_mean_is_over_the_chosen_domains():
    assert evaluate([SAMPLES], mean_domains=['night'])['mean_mIoU'] == pytest.approx(NIGHT)
    with pytest.raises(ValueError, match=r"mean_domains \['fog'\] were not tested; .*'day'"):
        evaluate([SAMPLES], mean_domains=['fog', 'day'])


def test_a_path_never_decides_on_the_domain():
    meta = dict(img_path='data/cityscapes/map/rain/train/night.png', domain='fog')
    assert 'fog/mIoU' in evaluate([[sample('', [[0]], [[0]], meta)]])


def test_a_sample_without_domain_or_label_is_an_error_with_the_mend():
    with pytest.raises(ValueError, match=r"x\.png has no 'domain'.*dict\(type='PackInputs'\)"):
        evaluate([[sample('', [[0]], [[0]], dict(img_path='x.png'))]])
    unlabelled = sample('day', [[0]], [[0]])
    del unlabelled.gt_sem_seg
    with pytest.raises(ValueError, match=r'no label to score.*PredictionWriter'):
        evaluate([[unlabelled]])


def test_a_prediction_of_another_size_is_named_with_its_image():
    with pytest.raises(ValueError, match=r'day\.png: the prediction has shape \(1, 2\)'):
        evaluate([[sample('day', [[0]], [[0, 1]])]])


def test_classes_can_be_merged_by_a_named_rule_or_by_ones_own():
    cityscapes = dict(classes=CLASSES)
    fence, wall, sky = (CLASSES.index(name) for name in ('fence', 'wall', 'sky'))
    batch = [[sample('camvid', [[fence, fence, sky]], [[wall, sky, sky]])]]
    assert evaluate(batch, cityscapes)['camvid/mIoU'] == pytest.approx((0 + 0 + 50) / 3)
    assert evaluate(batch, cityscapes, merge='camvid11')['camvid/mIoU'] == pytest.approx(50)
    own = {'solid': ['wall', 'fence'], 'sky': ['sky']}
    assert evaluate(batch, cityscapes, merge=own)['camvid/aAcc'] == pytest.approx(200 / 3)
    with pytest.raises(ValueError, match="merge='camvid' is none of camvid11, synthia16"):
        DomainIoUMetric(merge='camvid')


def test_a_table_of_classes_and_domains_is_logged():
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    evaluate([SAMPLES])
    logger.removeHandler(handler)
    rows = [line.replace('|', ' ').split() for line in records[-1].splitlines()]
    assert ['class', 'day', 'night'] in rows
    assert ['car', '50.00', '-'] in rows
    assert ['mean', '75.00', '58.33'] in rows


def _score_a_share(rank, port, folder):
    os.environ.update(
        MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE='2'
    )
    torch.distributed.init_process_group('gloo')
    # As MMEngine's sampler does with three samples: the last process gets one of them twice.
    mine = [[SAMPLES[0], SAMPLES[2]], [SAMPLES[1], SAMPLES[0]]][rank]
    evaluator = Evaluator(METRICS.build(dict(type='DomainIoUMetric')))
    evaluator.dataset_meta = META
    evaluator.process(mine)
    found = evaluator.evaluate(3), evaluator.metrics[0].details
    torch.save(found, f'{folder}/{rank}')
    torch.distributed.destroy_process_group()


def test_two_processes_score_as_one_does(tmp_path):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    mp.start_processes(_score_a_share, (port, tmp_path), nprocs=2, start_method='fork')
    expected = evaluate([SAMPLES[:3]])
    first, second = (torch.load(tmp_path / rank, weights_only=False) for rank in ('0', '1'))
    assert first[0] == second[0] == expected
    images = {name: each['images'] for name, each in first[1]['domains'].items()}
    assert [[each['mIoU'] for each in images[name]] for name in ('day', 'night')] == [
        [100],
        [25, 100],
    ]
    assert second[1] == {}


def test_the_metric_keeps_one_small_matrix_an_image():
    metric = DomainIoUMetric()
    metric.dataset_meta = META
    metric.process(None, [SAMPLES[0].to_dict()])
    kept = metric.results[0]
    assert (kept.domain, kept.counts.shape, kept.counts.sum()) == ('night', (3, 3), 4)
    assert isinstance(kept.counts, np.ndarray)


def confused(pairs):
    """A sample of the 19 classes: one pixel for each pair of label and prediction."""
    labels, predictions = zip(*pairs, strict=True)
    return [list(map(CLASSES.index, labels))], [list(map(CLASSES.index, predictions))]


def test_sixteen_classes_are_scored_beside_the_nineteen_from_the_same_matrix():
    town = confused([('road', 'road'), ('sky', 'sky'), ('truck', 'car'), ('car', 'car')])
    fog = confused([('road', 'sky'), ('sky', 'sky')])
    batch = [sample('town', *town), sample('fog', *fog)]
    metrics = evaluate([batch], dict(classes=CLASSES), also=['synthia16'])
    # Town: road 1, sky 1, car 1/2, truck 0/1; the sixteen leave the truck out, not the car's error.
    assert metrics['town/mIoU'] == pytest.approx(250 / 4)
    assert metrics['town/mIoU-synthia16'] == pytest.approx(250 / 3)
    assert metrics['fog/mIoU-synthia16'] == metrics['fog/mIoU'] == pytest.approx(25)
    assert metrics['mean_mIoU-synthia16'] == pytest.approx((250 / 3 + 25) / 2)
    plain = evaluate([batch], dict(classes=CLASSES))
    assert plain == {key: value for key, value in metrics.items() if 'synthia16' not in key}


def test_further_means_are_over_the_domains_that_their_patterns_match():
    means = {'dark': ['n*'], 'both': ['night', 'day']}
    metrics = evaluate([SAMPLES], mean_domains=['day'], means=means)
    assert metrics['mean_mIoU'] == pytest.approx(DAY)
    assert metrics['mean_mIoU-dark'] == pytest.approx(NIGHT)
    assert metrics['mean_mIoU-both'] == pytest.approx((NIGHT + DAY) / 2)


def test_a_mean_or_a_set_of_classes_that_cannot_be_meant_is_refused():
    with pytest.raises(ValueError, match=r"means\['fog'\]: no tested domain .* 'fog-\*'.*'day'"):
        evaluate([SAMPLES], means={'fog': ['fog-*']})
    with pytest.raises(ValueError, match=r"means\['dark'\]='night': a mean has"):
        DomainIoUMetric(means={'dark': 'night'})
    with pytest.raises(ValueError, match='other than those of also'):
        DomainIoUMetric(also=['synthia16'], means={'synthia16': ['*']})
    with pytest.raises(ValueError, match="also='synthia16' must be a list of names"):
        DomainIoUMetric(also='synthia16')


def test_the_table_of_eighty_domains_stays_narrow_and_names_them_all():
    names = [f'cityscapes-c/motion_blur-{number}' for number in range(80)]
    text = iou_tables({name: [50.0, float(k)] for k, name in enumerate(names)}, ['road', 'sky'])
    assert max(map(len, text.splitlines())) <= 112
    assert all(f' {name} ' in text for name in names)
    assert text.count('| mean ') == text.count('| class ') > 10


def test_details_hold_matrix_scores_and_images_of_each_domain():
    metric = DomainIoUMetric()
    metric.dataset_meta = META
    metric.process(None, [each.to_dict() for each in SAMPLES])
    metric.evaluate(4)
    night = metric.details['domains']['night']
    assert night['confusion'] == [[4, 2, 0], [0, 2, 0], [0, 0, 0]]
    assert night['IoU'] == pytest.approx([400 / 6, 50, np.nan], nan_ok=True)
    assert night['Acc'] == pytest.approx([400 / 6, 100, np.nan], nan_ok=True)
    # First image: road 2/4, sky 0/2 (predicted, never labelled); second: all right.
    assert [each['mIoU'] for each in night['images']] == [25, 100]
    assert [each['aAcc'] for each in night['images']] == [50, 100]
    assert night['sizes'] == night['scored_sizes'] == {'4x1': 2}
    assert metric.details['means'] == {'': ['day', 'night']}


def test_the_details_of_merged_classes_count_the_others_last():
    metric = DomainIoUMetric(merge={'ground': ['road'], 'air': ['sky']})
    metric.dataset_meta = META
    metric.process(None, [each.to_dict() for each in SAMPLES])
    metric.evaluate(4)
    day = metric.details['domains']['day']
    assert metric.details['classes'] == ['ground', 'air']
    assert day['confusion'] == [[3, 0, 0], [0, 2, 0], [1, 0, 1]]
    assert day['IoU'] == pytest.approx([75, 100])


def test_an_image_is_tested_at_one_size_and_scored_at_another():
    meta = dict(img_path='a.png', domain='day', img_shape=(5, 10, 3))
    metric = DomainIoUMetric()
    metric.dataset_meta = META
    metric.process(None, [sample('', [[0, 1]], [[0, 1]], meta).to_dict()])
    assert (metric.results[0].size, metric.results[0].scored) == ((10, 5), (2, 1))
