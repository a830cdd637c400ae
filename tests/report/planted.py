"""Results of tests made up from confusion matrices, as ``tools/test.py --out`` writes them."""

from pathlib import Path

import numpy as np
from PIL import Image

from rein.metrics import DomainIoUMetric
from rein.metrics.details import ScoredImage
from rein.runtime.record import write_record

CLASSES = ('road', 'sky')
PALETTE = ((128, 64, 128), (70, 130, 180))
NIGHT, DAY = [[6, 2], [0, 2]], [[5, 0], [0, 5]]  # mIoU of NIGHT: (6 / 8 + 2 / 4) / 2 = 62.5 %
WORSE = [[4, 4], [0, 2]]  # (4 / 8 + 2 / 6) / 2 = 41.7 %


def plant(path, confusions, classes=CLASSES, size=(64, 32), metric=None, **changes):
    """Write a result.

    Args:
        path: of the file.
        confusions: domain -> its matrix, of one image.
        classes: of the data set.
        size: that the images were tested at.
        metric: arguments of ``DomainIoUMetric``.
        **changes: of what stands beside the numbers.
    """
    judge = DomainIoUMetric(**(metric or {}))
    judge.dataset_meta = dict(classes=classes, palette=PALETTE[: len(classes)])
    images = [
        ScoredImage(name, f'{name}.png', None, size, size, np.array(counts), 50.0, 60.0)
        for name, counts in confusions.items()
    ]
    record = {
        'metrics': judge.compute_metrics(images),
        'config': 'configs/mine.py',
        'test_sets': 'configs/mine.py',
        'checkpoint': '/somewhere/iter_40.pth',
        'checkpoint_sha256': Path(path).stem,
        'selection': 'last',
        'seed': 0,
        'iteration': 40,
        'options': {},
        'precision': 'float32',
        'command': 'python tools/test.py configs/mine.py iter_40.pth',
        'versions': {'torch': '2.11'},
        'details': judge.details,
    }
    write_record(Path(path), {**record, **changes})
    return Path(path)


def plant_worst(folder, domain='night', count=1):
    """Images with their class maps; returns ``worst`` as a result has it."""
    folder.mkdir(parents=True, exist_ok=True)
    label = np.zeros((32, 64), np.uint8)
    label[:16] = 1
    label[0] = 255
    entries = []
    for number in range(count):
        prediction = label.clip(max=1)
        prediction[:, : 8 * (number + 1)] = 0
        paths = {
            key: folder / f'{number}_{key}.png' for key in ('image', 'label_map', 'prediction_map')
        }
        Image.new('RGB', (64, 32), (90, 120, 150)).save(paths['image'])
        Image.fromarray(label).save(paths['label_map'])
        Image.fromarray(prediction).save(paths['prediction_map'])
        entries.append({key: str(path) for key, path in paths.items()} | {'mIoU': 10.0 * number})
    return {domain: entries}
