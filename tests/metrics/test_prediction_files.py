import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from rein.metrics import PredictionWriter


def predicted(path):
    sample = SegDataSample(metainfo=dict(img_path=path))
    sample.pred_sem_seg = PixelData(data=torch.tensor([[[0, 18, 3]]]))
    return sample.to_dict()


def test_predictions_are_written_as_numbers_under_the_name_of_the_image(tmp_path):
    writer = PredictionWriter(out_dir=str(tmp_path / 'out'))
    writer.process(None, [predicted('a/GOPR1_rgb_anon.png'), predicted('b/2.jpg')])
    assert writer.evaluate(2) == {}
    file = Image.open(tmp_path / 'out/GOPR1_rgb_anon.png')
    assert file.mode == 'L'
    assert np.asarray(file).tolist() == [[0, 18, 3]]
    assert (tmp_path / 'out/2.png').is_file()


def test_two_images_of_one_name_are_an_error(tmp_path):
    writer = PredictionWriter(out_dir=str(tmp_path))
    writer.process(None, [predicted('fog/1.png'), predicted('rain/1.png')])
    with pytest.raises(ValueError, match=r'rain/1\.png and fog/1\.png have the same name'):
        writer.evaluate(2)
