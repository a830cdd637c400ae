import numpy as np
import pytest
import torch

from rein.models.refiners import SamRefiner, SegmentAnything
from rein.models.refiners.sam_networks import TinyEncoder, from_mobile_sam

package = pytest.importorskip('segment_anything')


def image(height=96, width=128):
    return np.random.RandomState(0).randint(0, 256, (height, width, 3)).astype(np.uint8)


def released(sam):
    """MobileSAM's own names of the weights of a model."""
    found = {'image_encoder.head.weight': torch.zeros(2, 2)}
    for name, tensor in sam.state_dict().items():
        parts = name.split('.')
        if name.startswith('image_encoder.stages.'):
            if parts[3] == 'downsample':
                parts[2] = str(int(parts[2]) - 1)
            parts[1] = 'layers'
        if name.startswith('image_encoder.patch_embed.'):
            parts[2:3] = ['seq', {'conv1': '0', 'conv2': '2'}[parts[2]]]
        parts = [{'conv': 'c'}.get(part, part) for part in parts]
        found['.'.join(parts)] = tensor
    return found


@pytest.fixture(scope='module')
def mobile():
    torch.manual_seed(0)
    return SegmentAnything(None, kind='mobile', device='cpu', prompts=2)


def test_mobile_sam_has_the_parameters_of_the_release(mobile):
    sam = mobile.predictor.model
    unused = 2 * 320 + 320 * 1000 + 1000  # its classifier
    assert sum(p.numel() for p in sam.parameters()) + unused == 10_130_092
    assert not sam.training
    assert not any(p.requires_grad for p in sam.parameters())
    assert len(sam.image_encoder(torch.zeros(1, 3, 1024, 1024))[0]) == 256


def test_mobile_sams_file_is_loaded_under_its_own_names(mobile, tmp_path):
    state = released(mobile.predictor.model)
    assert 'image_encoder.layers.0.blocks.0.conv1.c.weight' in state
    assert 'image_encoder.layers.2.downsample.conv2.bn.weight' in state
    torch.save(state, tmp_path / 'mobile_sam.pt')
    torch.manual_seed(1)
    loaded = SegmentAnything(str(tmp_path / 'mobile_sam.pt'), kind='mobile', device='cpu')
    wanted = mobile.predictor.model.state_dict()
    for name, tensor in loaded.predictor.model.state_dict().items():
        assert torch.equal(tensor, wanted[name]), name


def test_answers_are_those_of_the_authors_predictor(mobile):
    points = torch.tensor([[[10.0, 20.0], [30.0, 40.0]], [[90.0, 50.0], [100.0, 60.0]]])
    encoded = mobile.encode(image())
    mobile.encode(image(64, 64))  # another image in between changes nothing
    masks, claims, low = mobile.predict(encoded, points)
    theirs = package.SamPredictor(mobile.predictor.model)
    theirs.set_image(image())
    wanted = theirs.predict(
        points[1].numpy(), np.ones(2), multimask_output=True, return_logits=False
    )
    assert masks.shape == (2, 3, 96, 128)
    assert np.array_equal(masks[1].numpy(), wanted[0])
    np.testing.assert_allclose(claims[1], wanted[1], atol=1e-6)
    np.testing.assert_allclose(low[1], wanted[2], atol=1e-5)
    again, _, _ = mobile.predict(encoded, points, low[:, :1])
    assert again.shape == masks.shape


def test_boxes_are_those_of_the_authors_predictor(mobile):
    boxes = torch.tensor([[10.0, 5.0, 60.0, 80.0]] * 3)
    masks, claims, _ = mobile.predict(mobile.encode(image()), boxes=boxes)
    theirs = package.SamPredictor(mobile.predictor.model)
    theirs.set_image(image())
    wanted = theirs.predict(box=boxes[0].numpy(), multimask_output=True)
    assert np.array_equal(masks[2].numpy(), wanted[0])
    np.testing.assert_allclose(claims[2], wanted[1], atol=1e-6)


def test_half_precision_answers_nearly_the_same(mobile):
    encoded = mobile.encode(image())
    half = SegmentAnything(None, kind='mobile', device='cpu', dtype='bfloat16')
    half.predictor.model.load_state_dict(mobile.predictor.model.state_dict())
    found = half.encode(image())
    assert found.maps[0].dtype == torch.float32
    error = (found.maps[0] - encoded.maps[0]).norm() / encoded.maps[0].norm()
    assert 0 < error < 0.05


def test_a_refiner_asks_it(mobile):
    labels = np.zeros((96, 128), np.uint8)
    labels[:, 64:] = 3
    refined = SamRefiner(mobile, least=100)(image(), labels, np.random.RandomState(0))
    assert refined.classes == [0, 3]
    assert refined.masks.shape == (2, 96, 128)


def test_a_file_of_another_kind_is_named(tmp_path):
    encoder = TinyEncoder()
    torch.save(encoder.state_dict(), tmp_path / 'part.pt')
    with pytest.raises(ValueError, match=r"no SAM of kind 'mobile': it lacks \d+ tensors"):
        SegmentAnything(str(tmp_path / 'part.pt'), kind='mobile')


def test_other_names_stay_as_they_are():
    state = {'prompt_encoder.a.c.b': torch.ones(1), 'image_encoder.neck.0.weight': torch.ones(1)}
    assert from_mobile_sam(state).keys() == state.keys()


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(kind='vit_x'), r"kind='vit_x'"),
        (dict(dtype='int8'), 'dtype one of'),
        (dict(prompts=0), 'prompts 1 or more'),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SegmentAnything(None, **settings)


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'SegmentAnything\.checkpoint: there is no file .*nothing\.pt'
    ):
        SegmentAnything(str(tmp_path / 'nothing.pt'))
    (tmp_path / 'broken.pt').write_bytes(b'no weights')
    with pytest.raises(ValueError, match=r'broken\.pt is damaged or no file of weights'):
        SegmentAnything(str(tmp_path / 'broken.pt'))
