import hashlib
from pathlib import Path

import pytest
import tiny_datasets as tiny

from rein.datasets import GTA5, Synthia
from rein.datasets.splits import split_images, split_names

PUBLISHED = Path(__file__).resolve().parents[3] / 'shared/data/splits'

# Name, number of images, beginning of the md5 of the published file, the file.
ROBUSTNET = [
    ('GTA5', 'robustnet-train', 12388, '96e3dd81', 'gtav_split_train.txt'),
    ('GTA5', 'robustnet-val', 6382, '7e25e66e', 'gtav_split_val.txt'),
    ('GTA5', 'robustnet-test', 6181, 'a0930f74', 'gtav_split_test.txt'),
    ('Synthia', 'robustnet-train', 6580, '5d5ba951', 'synthia_split_train.txt'),
    ('Synthia', 'robustnet-val', 2820, '405236c4', 'synthia_split_val.txt'),
]


@pytest.mark.parametrize(('source', 'name', 'count', 'md5', 'file'), ROBUSTNET)
def test_a_split_of_robustnet_is_its_file_byte_for_byte(source, name, count, md5, file):
    names = split_images(source, name)
    assert len(names) == count
    text = ''.join(f'{stem}.png\n' for stem in names)
    assert hashlib.md5(text.encode()).hexdigest()[:8] == md5
    if not (PUBLISHED / file).is_file():
        pytest.skip(f'no {PUBLISHED / file} to compare with; the md5 agrees')
    assert text == (PUBLISHED / file).read_text()


def test_the_splits_of_a_source_share_no_image():
    for source, total in (('GTA5', 24951), ('Synthia', 9400)):
        names = [n for s in split_names(source) if s != 'clouds' for n in split_images(source, s)]
        assert len(names) == len(set(names)) == total


def test_clouds_trains_on_all_but_62_frames():
    frames = {f'{k:05d}' for k in range(1, 24967)}
    kept = split_images('GTA5', 'clouds')
    assert len(kept) == 24904
    assert sorted(frames - set(kept)) == ['15188', '17705', *(str(k) for k in range(20801, 20861))]


def test_a_data_set_takes_a_split_by_name(tmp_path, monkeypatch):
    for k in (*range(1, 4), 4):
        tiny.write_image(tmp_path / f'RGB/{k:07d}.png')
        tiny.write_labels(tmp_path / f'GT/LABELS/{k:07d}_labelTrainIds.png')
    monkeypatch.setattr('rein.datasets.splits.split_images', lambda source, name: ['0000003'])
    dataset = Synthia(data_root=tmp_path, split='robustnet-val')
    assert [Path(info['img_path']).name for info in map(dataset.get_data_info, range(1))] == [
        '0000003.png'
    ]
    assert len(dataset) == 1
    assert len(Synthia(data_root=tmp_path)) == 4


def test_a_split_whose_images_are_not_all_there_is_named_with_their_number(tmp_path):
    tiny.gta5(tmp_path)  # 00000 to 00002, of which the split has 1 and 2
    message = r"split 'robustnet-train' of GTA5 lists 12388 images, of which 12386 are not there"
    with pytest.raises(ValueError, match=message):
        GTA5(data_root=tmp_path, split='robustnet-train')


def test_an_unknown_split_is_refused_with_those_there_are(tmp_path):
    tiny.gta5(tmp_path)
    with pytest.raises(ValueError, match=r"split='val' is none of 'train', 'robustnet-train'"):
        GTA5(data_root=tmp_path, split='val')
    with pytest.raises(ValueError, match=r"no split 'clouds'.*Synthia: robustnet-train"):
        split_images('Synthia', 'clouds')


def test_a_split_and_a_list_together_are_refused(tmp_path):
    tiny.gta5(tmp_path)
    with pytest.raises(ValueError, match=r'both choose images; leave one of them out'):
        GTA5(data_root=tmp_path, split='clouds', split_file=['00001'])
