"""Generated sets as data: compared with their manifests, and the papers' own folders."""

from pathlib import Path

import numpy as np
import pytest
import tiny_datasets as tiny
from mmengine.registry import init_default_scope

from rein.datasets import GeneratedDataset


def build(root, **more):
    init_default_scope('mmseg')
    return GeneratedDataset(data_root=str(root), **more)


READING = [{'type': 'LoadImage'}, {'type': 'PackInputs'}]


def test_images_of_a_set_are_unlabelled_data_of_the_domain_generated(tmp_path):
    tiny.generated(tmp_path, 3)
    found = build(tmp_path, pipeline=READING)
    assert len(found) == 3
    sample = found[1]['data_samples']
    assert sample.domain == 'generated'
    assert 'gt_sem_seg' not in sample


def test_labels_of_a_set_are_read_when_asked_for(tmp_path):
    tiny.generated(tmp_path, 2, labelled=True)
    pipeline = [{'type': 'LoadImage'}, {'type': 'LoadLabels'}, {'type': 'PackInputs'}]
    sample = build(tmp_path, labels='train_ids', pipeline=pipeline)[0]['data_samples']
    expected = np.arange(tiny.SIZE[0] * tiny.SIZE[1]).reshape(tiny.SIZE) % 19
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0], expected)


def test_labels_that_were_never_made_are_not_looked_for(tmp_path):
    tiny.generated(tmp_path, 1)
    with pytest.raises(
        ValueError, match=r"labels='train_ids', but the images of .* without labels"
    ):
        build(tmp_path, labels='train_ids')


@pytest.mark.parametrize('kind', ['missing', 'more', 'size'])
def test_a_set_that_does_not_match_its_manifest_is_refused(tmp_path, kind):
    tiny.generated(tmp_path, 2)
    if kind == 'missing':
        (tmp_path / 'images/im_0_p0.png').unlink()
    elif kind == 'more':
        tiny.write_image(tmp_path / 'images/im_2_p0.png')
    else:
        with (tmp_path / 'images/im_1_p0.png').open('ab') as file:
            file.write(b' ')
    told = {'missing': 'missing', 'more': 'not in the manifest', 'size': 'of another size'}[kind]
    with pytest.raises(ValueError, match=rf'does not match its manifest\.jsonl: 1 {told}: images/'):
        build(tmp_path)


def test_content_is_compared_when_asked_for(tmp_path):
    tiny.generated(tmp_path, 2)
    path = tmp_path / 'images/im_1_p0.png'
    path.write_bytes(path.read_bytes()[:-1] + b'x')
    assert len(build(tmp_path)) == 2
    with pytest.raises(ValueError, match=r'1 of other content: images/im_1_p0\.png'):
        build(tmp_path, check='hashes')


def test_a_folder_without_manifest_is_refused_with_the_way_out(tmp_path):
    tiny.write_image(tmp_path / 'images/im_0_p0.png')
    with pytest.raises(FileNotFoundError, match=r"no manifest\.jsonl.*layout='clouds' or"):
        build(tmp_path)


def test_the_folder_of_clouds_script_is_read_with_its_labels(tmp_path):
    for number in (0, 1, 10):
        tiny.write_image(tmp_path / f'images/im_{number}_p{number % 10}.png')
        tiny.write_labels(tmp_path / f'labels/im_{number}_p{number % 10}_labelTrainIds.png')
    (tmp_path / 'images/train_dict.json').write_text('[]')  # its loader's index
    assert len(build(tmp_path, layout='clouds')) == 3
    labelled = build(tmp_path, layout='clouds', labels='train_ids')
    assert labelled.get_data_info(0)['seg_map_path'].endswith('im_0_p0_labelTrainIds.png')


def test_the_folder_of_datums_script_is_read(tmp_path):
    for number in range(12):
        tiny.write_image(tmp_path / f'im_{number}_p{number % 10}.png')
    assert len(build(tmp_path, layout='datum')) == 12


def test_the_first_images_are_chosen_by_their_numbers_not_their_names(tmp_path):
    tiny.generated(tmp_path, 12)
    found = build(tmp_path, first=3)
    names = [Path(found.get_data_info(k)['img_path']).stem for k in range(len(found))]
    assert names == ['im_0_p0', 'im_1_p0', 'im_2_p0']
    with pytest.raises(ValueError, match='first=0 leaves none of the 12 images'):
        build(tmp_path, first=0)


def test_images_of_other_names_cannot_be_counted(tmp_path):
    tiny.write_image(tmp_path / 'a.png')
    assert len(build(tmp_path, layout='datum')) == 1
    with pytest.raises(ValueError, match=r'a\.png is not named like im_0_p0\.png'):
        build(tmp_path, layout='datum', first=1)


@pytest.mark.parametrize('change', [{'layout': 'rein'}, {'check': 'md5'}, {'labels': 'release'}])
def test_unknown_choices_are_named(tmp_path, change):
    with pytest.raises(ValueError, match=f'GeneratedDataset: {next(iter(change))}='):
        build(tmp_path, **change)
