import io
import zipfile

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from rein.metrics import ACDCSubmission, CityscapesSubmission
from rein.metrics.submission import zipped

TRAIN_TO_LABEL = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for kind in (CityscapesSubmission, ACDCSubmission):
        assert kind.SIZE in ((2048, 1024), (1920, 1080))
        monkeypatch.setattr(kind, 'SIZE', (19, 2))


def predicted(path, labels=None, domain='acdc'):
    sample = SegDataSample(metainfo=dict(img_path=path, domain=domain))
    labels = torch.arange(19).repeat(1, 2, 1) if labels is None else torch.tensor([labels])
    sample.pred_sem_seg = PixelData(data=labels)
    return sample.to_dict()


def city(k, town='berlin'):
    return f'data/leftImg8bit/test/{town}/{town}_{k:06d}_000019_leftImg8bit.png'


def submit(writer, paths):
    for path in paths:
        writer.process(None, [predicted(path)])
    return writer.evaluate(len(paths))


def test_cityscapes_gets_label_ids_under_city_sequence_and_frame(tmp_path):
    out = tmp_path / 'new/city.zip'
    assert submit(CityscapesSubmission(out=str(out), expected=2), [city(1), city(0, 'bonn')]) == {}
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            'berlin_000001_000019_labelIds.png',
            'bonn_000000_000019_labelIds.png',
        ]
        image = Image.open(io.BytesIO(archive.read('bonn_000000_000019_labelIds.png')))
    assert image.mode == 'L'
    assert np.asarray(image).tolist() == [TRAIN_TO_LABEL] * 2


def test_acdc_gets_train_ids_under_the_name_of_the_image(tmp_path):
    out = tmp_path / 'acdc.zip'
    submit(ACDCSubmission(out=str(out), expected=1), ['fog/GOPR0475_frame_000247_rgb_anon.png'])
    with zipfile.ZipFile(out) as archive:
        (name,) = archive.namelist()
        assert name == 'labelTrainIds/GOPR0475_frame_000247_rgb_anon.png'
        assert np.asarray(Image.open(io.BytesIO(archive.read(name)))).tolist() == [[*range(19)]] * 2


def test_the_servers_expect_their_whole_test_sets():
    assert CityscapesSubmission().expected == 1525
    assert ACDCSubmission().expected == 2000


def test_the_same_predictions_give_the_same_bytes_in_any_order(tmp_path):
    for out, paths in (('a.zip', [city(1), city(2)]), ('b.zip', [city(2), city(1)])):
        submit(CityscapesSubmission(out=str(tmp_path / out), expected=2), paths)
    assert (tmp_path / 'a.zip').read_bytes() == (tmp_path / 'b.zip').read_bytes()
    assert zipped({'a': b'1', 'b': b'2'}) == zipped({'b': b'2', 'a': b'1'})


def test_missing_predictions_are_counted_by_domain_and_nothing_is_written(tmp_path):
    writer = ACDCSubmission(out=str(tmp_path / 'acdc.zip'))
    for path, domain in (('1', 'acdc-fog'), ('2', 'acdc-fog'), ('3', 'acdc-snow')):
        writer.process(None, [predicted(f'{path}_rgb_anon.png', domain=domain)])
    message = r'3 predictions \(2 of acdc-fog, 1 of acdc-snow\), but the test set has 2000 images'
    with pytest.raises(ValueError, match=message):
        writer.evaluate(3)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_submission_leaves_the_former_one(tmp_path):
    out = tmp_path / 'city.zip'
    submit(CityscapesSubmission(out=str(out), expected=1), [city(1)])
    former = out.read_bytes()
    with pytest.raises(ValueError, match='nothing was written'):
        submit(CityscapesSubmission(out=str(out), expected=2), [city(1)])
    assert out.read_bytes() == former
    assert [path.name for path in tmp_path.iterdir()] == ['city.zip']


def test_a_prediction_of_another_size_is_refused_at_once(tmp_path):
    writer = CityscapesSubmission(out=str(tmp_path / 'city.zip'))
    with pytest.raises(ValueError, match=r'berlin_000001.* is 2x1, but the server takes 19x2'):
        writer.process(None, [predicted(city(1), [[0, 1]])])


def test_a_class_that_the_server_does_not_know_is_named(tmp_path):
    writer = CityscapesSubmission(out=str(tmp_path / 'city.zip'))
    with pytest.raises(ValueError, match=r'has the classes \[19, 255\], but .* knows 0 to 18'):
        writer.process(None, [predicted(city(1), [[0] * 18 + [19], [0] * 18 + [255]])])


def test_two_predictions_of_one_name_are_refused(tmp_path):
    writer = ACDCSubmission(out=str(tmp_path / 'acdc.zip'), expected=1)
    with pytest.raises(ValueError, match=r'rain/1_rgb_anon\.png and fog/1_rgb_anon\.png have'):
        submit(writer, ['fog/1_rgb_anon.png', 'rain/1_rgb_anon.png'])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('kind', 'path'),
    [
        (CityscapesSubmission, 'berlin_1_2_leftImg8bit.png'),
        (CityscapesSubmission, 'fog/GOPR0475_frame_000247_rgb_anon.png'),
        (ACDCSubmission, city(1)),
    ],
)
def test_an_image_of_another_data_set_is_refused(tmp_path, kind, path):
    with pytest.raises(ValueError, match='is not called as the images of this test set'):
        kind(out=str(tmp_path / 'x.zip')).process(None, [predicted(path)])


def test_a_file_that_is_no_zip_is_refused():
    with pytest.raises(ValueError, match=r"out='work_dirs/city' is no zip file"):
        CityscapesSubmission(out='work_dirs/city')
