import pytest
import torch
from mmengine.config import Config
from mmengine.registry import Registry

from rein.runtime.failures import explain, from_worker
from rein.runtime.settings import ConfigError, inner_segmentor, load_config, walk

PARTS = Registry('part')


@PARTS.register_module()
class Head:
    def __init__(self, num_classes, child=None):
        if child is not None:
            PARTS.build(child)


@PARTS.register_module()
class FancyHead(Head):
    def __init__(self, colour='red', **kwargs):
        super().__init__(**kwargs)


def config_file(folder, text):
    path = folder / 'some.py'
    path.write_text(text)
    return str(path)


def test_an_option_changes_the_config(tmp_path):
    path = config_file(tmp_path, 'model = dict(pipeline=[dict(a=1), dict(a=2)])')
    config = load_config(path, {'model.pipeline.1.a': 5, 'work_dir': 'x'})
    assert config.model.pipeline == [{'a': 1}, {'a': 5}] and config.work_dir == 'x'


def test_an_option_that_nobody_reads_is_refused_with_a_suggestion(tmp_path):
    path = config_file(tmp_path, 'model = dict(size=(64, 64))\ncrop = (64, 64)')
    with pytest.raises(ConfigError, match=r"no 'modle'; did you mean 'model'"):
        load_config(path, {'modle.size': 3})
    with pytest.raises(ConfigError, match=r'crop.*no effect.*model\.size'):
        load_config(path, {'crop': (32, 32)})


def test_an_option_outside_of_a_list_is_refused(tmp_path):
    path = config_file(tmp_path, 'model = dict(pipeline=[dict(a=1)])')
    with pytest.raises(ConfigError, match='exceeds the length'):
        load_config(path, {'model.pipeline.3.a': 5})


@pytest.mark.parametrize(
    ('text', 'message'),
    [('model = dict(', 'SyntaxError'), ('a = b', "'b'"), ('_base_ = ["no.py"]', 'no.py')],
)
def test_a_broken_config_is_named(tmp_path, text, message):
    path = config_file(tmp_path, text)
    with pytest.raises(ConfigError, match=r'some\.py') as caught:
        load_config(path, {})
    assert message in str(caught.value)


def test_a_missing_config_is_named():
    with pytest.raises(ConfigError, match=r'there is no config nowhere\.py'):
        load_config('nowhere.py', {})


def caught(config):
    with pytest.raises((TypeError, KeyError)) as error:
        PARTS.build(config.model)
    return explain(error.value, config)


def test_an_unknown_key_is_named_with_its_place_and_the_nearest_key():
    config = Config({'model': {'type': 'Head', 'num_clases': 3}})
    assert caught(config) == "model: Head has no key 'num_clases'; did you mean 'num_classes'?"


def test_an_unknown_key_that_a_base_class_refuses_is_found_too():
    child = {'type': 'FancyHead', 'num_classes': 3, 'num_class': 1}
    config = Config({'model': {'type': 'Head', 'num_classes': 3, 'child': child}})
    assert caught(config).startswith("model.child: FancyHead has no key 'num_class'; did you mean")


def test_an_unknown_part_is_named_with_its_place():
    config = Config({'model': {'type': 'Head', 'num_classes': 3, 'child': {'type': 'Haed'}}})
    assert caught(config).startswith("model.child.type: there is no 'Haed' among the parts")


def test_an_error_of_the_program_itself_is_not_explained_away():
    config = Config({'model': {'type': 'Head', 'num_classes': 3}})
    assert explain(TypeError("f() got an unexpected keyword argument 'x'"), config) is None
    assert explain(TypeError('unsupported operand'), config) is None
    assert explain(KeyError('x'), config) is None
    assert explain(AttributeError('x'), config) is None


def test_a_gpu_without_room_is_told_what_helps():
    for error in (torch.OutOfMemoryError('CUDA out of memory'), MemoryError('batch_size')):
        assert 'batch_size' in explain(error, None)


def test_of_an_error_in_a_worker_only_the_error_is_told():
    message = (
        'Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call '
        'last):\n  File "x.py", line 1, in y\n    raise ValueError(\nValueError: label 7.png holds '
        'the id 40\nof 19 classes\n'
    )
    assert from_worker(message) == 'label 7.png holds the id 40\nof 19 classes'
    assert explain(RuntimeError(message), None) == 'label 7.png holds the id 40\nof 19 classes'


def test_walking_a_config_gives_every_place_once():
    config = Config({'a': [{'b': 1}], 'c': 2})
    assert [place for place, _ in walk(config)] == ['a', 'a.0', 'a.0.b', 'c']


def test_the_segmentor_is_found_in_however_many_wrappers():
    inner = dict(type='EncoderDecoder', backbone=dict(type='ResNet'))
    assert inner_segmentor(inner) is inner
    assert inner_segmentor(dict(segmentor=dict(segmentor=inner))) is inner
