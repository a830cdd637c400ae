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
    torch.save(evaluator.evaluate(3), f'{folder}/{rank}')
    torch.distributed.destroy_process_group()


def test_two_processes_score_as_one_does(tmp_path):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    mp.start_processes(_score_a_share, (port, tmp_path), nprocs=2, start_method='fork')
    expected = evaluate([SAMPLES[:3]])
    for rank in range(2):
        assert torch.load(tmp_path / str(rank), weights_only=False) == expected


def test_the_metric_keeps_one_small_matrix_an_image():
    metric = DomainIoUMetric()
    metric.dataset_meta = META
    metric.process(None, [SAMPLES[0].to_dict()])
    domain, counts = metric.results[0]
    assert (domain, counts.shape, counts.sum()) == ('night', (3, 3), 4)
    assert isinstance(counts, np.ndarray)
