import torch

from rein.hooks.strict import key_complaints, looks_like, shortened

OWN = {
    'backbone.body.a': torch.zeros(2),
    'backbone.body.b': torch.zeros(2),
    'backbone.adapter.scale': torch.zeros(()),
    'decode_head.w': torch.zeros(3, 4),
}
FROZEN = ['backbone.body.a', 'backbone.body.b']
TRAINED = {key: value for key, value in OWN.items() if key not in FROZEN}


def test_a_file_with_or_without_the_body_fits():
    assert key_complaints(TRAINED, OWN, FROZEN) == []
    assert key_complaints(OWN, OWN, FROZEN) == []


def test_a_file_with_half_of_the_body_lacks_the_other_half():
    lines = key_complaints({**TRAINED, 'backbone.body.a': OWN['backbone.body.a']}, OWN, FROZEN)
    assert lines[0] == '  1 missing in the file: backbone.body.b'


def test_missing_unexpected_and_misshapen_tensors_are_named_at_once():
    state = {'decode_head.w': torch.zeros(3, 5), 'decode_head.v': torch.zeros(1)}
    assert key_complaints(state, OWN, FROZEN) == [
        '  1 missing in the file: backbone.adapter.scale',
        '  1 in the file but not in the model: decode_head.v',
        '  1 of another size: decode_head.w (3, 5) in the file, (3, 4) here',
        'It looks like a checkpoint of another config; test and resume with the config it was '
        'trained by.',
    ]


def test_common_wrong_files_are_recognised():
    assert 'convert_checkpoint.py rein' in looks_like({'backbone.reins.scale': 0})
    assert 'convert_checkpoint.py rein' in looks_like({'reins.0.scale': 0})
    assert 'SAM' in looks_like({'image_encoder.pos_embed': 0})
    assert 'CLIP' in looks_like({'visual.conv1.weight': 0})
    for key in ('blocks.0.norm1.weight', 'stages.0.blocks.0.gamma', 'layer1.0.conv1.weight'):
        assert 'model.backbone.weights' in looks_like({'cls_token': 0, key: 0})
    assert 'begin with hello' in looks_like({'hello': 0})


def test_a_long_list_is_cut_after_six():
    assert shortened(range(6)) == '0, 1, 2, 3, 4, 5'
    assert shortened(range(9)) == '0, 1, 2, 3, 4, 5 and 3 more'
