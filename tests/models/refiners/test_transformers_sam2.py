import numpy as np
import pytest
import torch
from PIL import Image
from test_transformers_sam import image, points

from rein.models.refiners import SamRefiner, TransformersSam, TransformersSam2

transformers = pytest.importorskip('transformers')
SIDE = 64


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A SAM 2 of random weights for squares of 64 pixels."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp('sam2')
    body = transformers.Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[4, 4, 4, 4],
        global_attention_blocks=[3],
    )
    vision = transformers.Sam2VisionConfig(
        backbone_config=body,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=16,
    )
    config = transformers.Sam2Config(
        vision_config=vision,
        prompt_encoder_config=dict(
            hidden_size=16, image_size=SIDE, patch_size=16, mask_input_channels=4
        ),
        mask_decoder_config=dict(
            hidden_size=16,
            mlp_dim=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            iou_head_hidden_dim=16,
        ),
        initializer_range=0.2,
    )
    transformers.Sam2Model(config).save_pretrained(folder)
    size = {'height': SIDE, 'width': SIDE}
    processor = transformers.Sam2ImageProcessor(size=size, mask_size={'height': 16, 'width': 16})
    transformers.Sam2Processor(processor, target_size=SIDE).save_pretrained(folder)
    return str(folder)


def test_answers_are_those_of_transformers_own_way(folder):
    sam = TransformersSam2(folder, device='cpu', prompts=2)
    masks, claims, low = sam.predict(sam.encode(image()), points(5))
    inputs = sam.processor(
        images=Image.fromarray(image()), input_points=[points(5).tolist()], return_tensors='pt'
    )
    with torch.no_grad():
        theirs = sam.model(**inputs, multimask_output=True)
    whole = sam.processor.post_process_masks(theirs.pred_masks, inputs['original_sizes'])[0]
    assert masks.shape == (5, 3, 48, 80)
    torch.testing.assert_close(claims, theirs.iou_scores[0])
    torch.testing.assert_close(low, theirs.pred_masks[0], atol=1e-4, rtol=1e-4)
    assert (masks == whole).float().mean() > 0.999


def test_boxes_are_those_of_transformers_own_way(folder):
    sam = TransformersSam2(folder, device='cpu')
    boxes = torch.tensor([[3.0, 4.0, 30.0, 40.0], [10.0, 0.0, 79.0, 47.0]])
    _, claims, low = sam.predict(sam.encode(image()), boxes=boxes)
    inputs = sam.processor(
        images=Image.fromarray(image()), input_boxes=[boxes.tolist()], return_tensors='pt'
    )
    with torch.no_grad():
        theirs = sam.model(**inputs, multimask_output=True)
    torch.testing.assert_close(claims, theirs.iou_scores[0])
    torch.testing.assert_close(low, theirs.pred_masks[0], atol=1e-4, rtol=1e-4)


def test_a_refiner_asks_twice(folder):
    refiner = SamRefiner(TransformersSam2(folder, device='cpu'), least=100, passes=2)
    labels = np.zeros((48, 80), np.uint8)
    labels[:, 40:] = 3
    refined = refiner(image(), labels, np.random.RandomState(0))
    assert refined.classes == [0, 3]
    assert refined.masks.shape == (2, 48, 80)


def test_a_model_of_the_other_kind_is_named(folder):
    with pytest.raises(ValueError, match=r"holds a model of type 'sam2'; TransformersSam takes"):
        TransformersSam(folder)
