import numpy as np
import pytest
import torch
from PIL import Image

from rein.models.refiners import SamRefiner, TransformersSam

transformers = pytest.importorskip('transformers')
SIZES = dict(
    vision_config=dict(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=64,
        patch_size=8,
        window_size=4,
        global_attn_indexes=[1],
        output_channels=16,
        mlp_dim=64,
        num_pos_feats=8,
        initializer_range=0.2,
    ),
    prompt_encoder_config=dict(hidden_size=16, image_size=64, patch_size=8, mask_input_channels=4),
    mask_decoder_config=dict(
        hidden_size=16,
        mlp_dim=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        iou_head_hidden_dim=16,
    ),
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A SAM of random weights for squares of 64 pixels."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp('sam')
    transformers.SamModel(transformers.SamConfig(**SIZES)).save_pretrained(folder)
    processor = transformers.SamImageProcessor(
        size={'longest_edge': 64},
        pad_size={'height': 64, 'width': 64},
        mask_size={'longest_edge': 32},
        mask_pad_size={'height': 32, 'width': 32},
    )
    transformers.SamProcessor(processor).save_pretrained(folder)
    return str(folder)


def image():
    return np.random.RandomState(0).randint(0, 256, (48, 80, 3)).astype(np.uint8)


def points(count):
    return torch.from_numpy(np.random.RandomState(1).rand(count, 3, 2).astype(np.float32) * 40)


def test_answers_are_those_of_transformers_own_way(folder):
    sam = TransformersSam(folder, device='cpu', prompts=2)
    masks, claims, low = sam.predict(sam.encode(image()), points(5))
    inputs = sam.processor(
        images=Image.fromarray(image()), input_points=[points(5).tolist()], return_tensors='pt'
    )
    with torch.no_grad():
        theirs = sam.model(
            pixel_values=inputs['pixel_values'], input_points=inputs['input_points'].float()
        )
    expected = sam.processor.image_processor.post_process_masks(
        theirs.pred_masks,
        inputs['original_sizes'],
        inputs['reshaped_input_sizes'],
        pad_size={'height': 64, 'width': 64},
    )[0]
    torch.testing.assert_close(low, theirs.pred_masks[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(claims, theirs.iou_scores[0], rtol=1e-4, atol=1e-5)
    assert masks.shape == expected.shape == (5, 3, 48, 80)
    assert (masks == expected).float().mean() > 0.999


def test_a_mask_asked_with_again_changes_the_answer(folder):
    sam = TransformersSam(folder, device='cpu')
    encoded = sam.encode(image())
    _, _, low = sam.predict(encoded, points(2))
    _, _, again = sam.predict(encoded, points(2), low[:, :1])
    assert not torch.allclose(low, again)


def test_labels_are_refined_by_it_and_nothing_of_it_trains(folder):
    model = dict(type='TransformersSam', source=folder, device='cpu')
    refiner = SamRefiner(model, least=100, points=3, passes=2)
    labels = np.zeros((48, 80), np.uint8)
    labels[:, 40:] = 4
    refined = refiner(image(), labels, np.random.default_rng(0))
    assert refined.classes == [0, 4]
    assert refined.masks.shape == (2, 48, 80)
    assert not refiner.model.model.training
    assert not any(p.requires_grad for p in refiner.model.model.parameters())


def test_what_is_not_there_is_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'TransformersSam\.source: no SAM in'):
        TransformersSam(str(tmp_path))
    with pytest.raises(ValueError, match="dtype='int8'"):
        TransformersSam(folder, dtype='int8')
