"""The segmentor: wiring from backbone to head, and windows in batches."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

import rein  # noqa: F401  registers the parts
from rein.models.segmentors.window_batch import WindowBatch
from rein.models.segmentors.windows import stitched_bands, window_boxes

BACKBONE = {
    'type': 'FoundationBackbone',
    'model': 'vit_tiny_patch16_224',
    'model_args': {'img_size': 64, 'embed_dim': 32, 'depth': 4, 'num_heads': 2},
    'adapter': {
        'type': 'ReinAdapter',
        'token_length': 6,
        'rank': 4,
        'queries': {'type': 'TokenQueries', 'dims': 16},
    },
}
MASK_HEAD = {
    'type': 'PlainMask2FormerHead',
    'num_classes': 5,
    'queries': 'external',
    'num_queries': 6,
    'feat_channels': 16,
    'out_channels': 16,
    'pixel_decoder': {'num_layers': 1, 'num_heads': 2, 'ffn_channels': 24, 'norm_groups': 4},
    'transformer_decoder': {'num_layers': 2, 'num_heads': 2, 'ffn_channels': 24},
}
FCN = {'type': 'FCNHead', 'in_index': 3, 'channels': 8, 'num_classes': 5, 'num_convs': 1}
SLIDE = {'mode': 'slide', 'crop_size': (64, 64), 'stride': (43, 43), 'window_batch': 4}
NO_QUERIES = {**BACKBONE, 'adapter': {**BACKBONE['adapter'], 'queries': None}}


def build(backbone=BACKBONE, head=MASK_HEAD, test_cfg=SLIDE, kind='FoundationSegmentor'):
    torch.manual_seed(0)
    return MODELS.build(
        ConfigDict(type=kind, backbone=backbone, decode_head=head, test_cfg=test_cfg)
    ).eval()


def metas(images: torch.Tensor) -> list[dict]:
    size = tuple(images.shape[-2:])
    return [{'ori_shape': size, 'img_shape': size} for _ in images]


def test_head_is_told_the_channels_and_true_strides():
    seen = {}

    @MODELS.register_module(force=True)
    class ProbeHead(nn.Module):
        align_corners = False

        def __init__(self, in_channels=None, strides=None, num_classes=2):
            super().__init__()
            seen.update(in_channels=in_channels, strides=strides)
            self.num_classes = self.out_channels = num_classes

    cnn = {
        'type': 'FoundationBackbone',
        'model': 'resnet50.tv_in1k',
        'model_args': {'layers': (1, 1, 1, 1), 'output_stride': 8},
    }
    build(cnn, {'type': 'ProbeHead'})
    assert seen == {'in_channels': [256, 512, 1024, 2048], 'strides': [4, 8, 8, 8]}


def test_stock_head_is_told_the_width_of_the_one_map_it_reads():
    model = build(NO_QUERIES, FCN)
    assert model.decode_head.in_channels == 32


def test_stock_head_with_its_default_index_is_told_the_width_of_the_last_map():
    head = {k: v for k, v in FCN.items() if k != 'in_index'}
    assert build(NO_QUERIES, head).decode_head.in_channels == 32


def test_head_with_feature_strides_is_told_the_true_ones():
    head = {'type': 'FPNHead', 'in_index': [0, 1, 2, 3], 'channels': 8, 'num_classes': 5}
    assert build(NO_QUERIES, head).decode_head.feature_strides == [4, 8, 16, 32]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'crop_size': None}, r'test_cfg\.crop_size'),
        ({'stride': (43, 0)}, r'test_cfg\.stride'),
        ({'stride': (43, 65)}, r'test_cfg\.stride'),
        ({'window_batch': 0}, r'test_cfg\.window_batch'),
        ({'mode': 'slides'}, r"test_cfg\.mode is 'slides'"),
    ],
)
def test_impossible_windows_are_refused_when_the_model_is_built(change, message):
    with pytest.raises(ValueError, match=message):
        build(test_cfg={**SLIDE, **change})


def test_values_in_the_config_win_over_the_derived_ones():
    model = build(NO_QUERIES, {**FCN, 'in_channels': 32, 'in_index': 1})
    assert model.decode_head.in_index == 1


def test_head_that_takes_no_queries_is_refused_behind_an_adapter_that_makes_them():
    with pytest.raises(ValueError, match=r'FCNHead takes none.*adapter\.queries=None'):
        build(BACKBONE, FCN)


def test_queries_reach_the_mask_head_in_training():
    model = build().train()
    names = [n for n, p in model.named_parameters() if p.requires_grad]
    assert 'backbone.adapter.queries.transform.weight' in names
    samples = []
    for label in (1, 3):
        sample = SegDataSample(metainfo={'img_shape': (64, 64), 'ori_shape': (64, 64)})
        sample.gt_sem_seg = PixelData(data=torch.full((1, 64, 64), label))
        samples.append(sample)
    losses = model.loss(torch.randn(2, 3, 64, 64), samples)
    sum(losses.values()).backward()
    # The class losses alone reach the queries: no trainable tensor may stay without gradient.
    missing = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert missing == []
    assert all(name.startswith('decode.') for name in losses)


@pytest.mark.parametrize('size', [(96, 150), (64, 64), (65, 64), (107, 64), (48, 80)])
@pytest.mark.parametrize('batch', [1, 3, 100])
def test_batched_windows_equal_mmseg_one_window_at_a_time(size, batch):
    backbone = {**BACKBONE, 'model_args': {**BACKBONE['model_args'], 'dynamic_img_size': True}}
    model = build(backbone, test_cfg={**SLIDE, 'window_batch': batch})
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        ours = model.slide_inference(images, metas(images))
        theirs = EncoderDecoder.slide_inference(model, images, metas(images))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_whole_images_are_predicted_at_their_size():
    model = build(NO_QUERIES, FCN, {'mode': 'whole'})
    images = torch.randn(1, 3, 64, 64)
    padded = [{**metas(images)[0], 'pad_shape': (64, 64), 'img_shape': (50, 64)}]
    with torch.no_grad():
        assert model.inference(images, padded).shape == (1, 5, 64, 64)


def test_windows_of_a_halved_cityscapes_image_are_three():
    boxes = window_boxes((512, 1024), (512, 512), (341, 341))
    assert boxes == [(0, 0, 512, 512), (0, 341, 512, 853), (0, 512, 512, 1024)]


@pytest.mark.parametrize(
    ('size', 'crop', 'stride', 'count'),
    [
        ((720, 1280), 512, 341, 8),
        ((540, 960), 512, 341, 6),
        ((1024, 2048), 512, 341, 18),
        ((1024, 2048), 1024, 683, 3),
        ((1080, 1920), 1024, 683, 6),
    ],
)
def test_windows_are_as_many_as_the_papers_protocol_has(size, crop, stride, count):
    assert len(window_boxes(size, (crop, crop), (stride, stride))) == count


def test_overlap_is_the_mean_of_the_windows_worked_by_hand():
    images = torch.arange(6.0).view(1, 1, 1, 6)
    boxes = window_boxes((1, 6), (1, 4), (1, 2))
    calls = []

    def predict(crops):
        calls.append(len(crops))
        return crops + 10 * torch.arange(len(crops)).view(-1, 1, 1, 1)

    stitched = torch.cat(list(stitched_bands(images, boxes, WindowBatch(2), predict)), dim=2)
    assert calls == [2]
    assert stitched.flatten().tolist() == [0, 1, 7, 8, 14, 15]


def test_scores_in_bf16_are_averaged_in_float32():
    images = torch.zeros(1, 3, 8, 8)
    boxes = window_boxes((8, 8), (8, 8), (8, 8))
    (out,) = stitched_bands(images, boxes, WindowBatch(1), lambda crops: crops.bfloat16())
    assert out.dtype == torch.float32


@pytest.mark.parametrize('size', [(150, 96), (107, 64), (64, 64)])
def test_labels_alone_are_those_of_the_scores_and_small(size):
    model = build(test_cfg={**SLIDE, 'keep_scores': False})
    images = torch.randn(2, 3, *size)
    samples = [SegDataSample(metainfo=meta) for meta in metas(images)]
    with torch.no_grad():
        scores = model.slide_inference(images, metas(images))
        found = model.predict(images, samples)
    for sample, each in zip(found, scores, strict=True):
        assert sample.pred_sem_seg.data.dtype == torch.uint8
        assert torch.equal(sample.pred_sem_seg.data[0].long(), each.argmax(0))
        assert 'seg_logits' not in sample


def test_labels_of_an_image_that_was_resized_still_come_from_its_scores():
    model, images = build(test_cfg={**SLIDE, 'keep_scores': False}), torch.randn(1, 3, 64, 96)
    meta = {'ori_shape': (128, 192), 'img_shape': (64, 96)}
    with torch.no_grad():
        (sample,) = model.predict(images, [SegDataSample(metainfo=meta)])
    assert sample.seg_logits.data.shape == (5, 128, 192)


def test_bands_hold_no_more_rows_than_the_windows_that_still_come():
    images = torch.randn(1, 3, 100, 16)
    boxes = window_boxes((100, 16), (16, 16), (8, 8))
    bands = list(stitched_bands(images, boxes, WindowBatch(3), lambda crops: crops))
    assert max(band.shape[2] for band in bands) == 16
    torch.testing.assert_close(torch.cat(bands, dim=2), images)


def test_windows_become_fewer_when_memory_runs_out_and_stay_so(caplog):
    images, boxes = torch.randn(1, 3, 8, 40), window_boxes((8, 40), (8, 8), (8, 8))
    windows, calls = WindowBatch(4), []

    def predict(crops):
        calls.append(len(crops))
        if len(crops) > 2:
            raise torch.OutOfMemoryError
        return crops

    for _ in range(2):
        torch.testing.assert_close(next(stitched_bands(images, boxes, windows, predict)), images)
    assert calls == [4, 2, 2, 1, 2, 2, 1]


def test_windows_of_several_images_become_fewer_down_to_one():
    images, boxes = torch.randn(4, 3, 8, 24), window_boxes((8, 24), (8, 8), (8, 8))
    calls = []

    def predict(crops):
        calls.append(len(crops))
        if len(crops) > 1:
            raise torch.OutOfMemoryError
        return crops

    (found,) = stitched_bands(images, boxes, WindowBatch(8), predict)
    torch.testing.assert_close(found, images)
    assert calls == [8, 4, 2, *[1] * 12]


def test_a_plain_number_of_windows_leaves_memory_to_the_caller():
    def predict(crops):
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        next(stitched_bands(torch.randn(1, 3, 8, 8), [(0, 0, 8, 8)], 4, predict))


def test_labels_of_a_padded_image_come_from_its_scores():
    model, images = build(test_cfg={**SLIDE, 'keep_scores': False}), torch.randn(1, 3, 64, 96)
    meta = {'ori_shape': (64, 96), 'img_shape': (60, 90), 'img_padding_size': (0, 6, 0, 4)}
    with torch.no_grad():
        (sample,) = model.predict(images, [SegDataSample(metainfo=meta)])
    assert 'seg_logits' in sample


def test_a_single_window_without_room_is_told_what_helps():
    def predict(crops):
        raise torch.OutOfMemoryError

    images, boxes = torch.randn(1, 3, 8, 8), [(0, 0, 8, 8)]
    with pytest.raises(MemoryError, match=r'model\.test_cfg\.crop_size'):
        next(stitched_bands(images, boxes, WindowBatch(4), predict))


def test_on_a_cpu_windows_go_one_at_a_time_unless_a_number_is_asked_for():
    window = torch.zeros(1, 3, 8, 8)
    assert WindowBatch('auto').number(window, None) == 1
    assert WindowBatch(7).number(window, None) == 7


def test_a_compiled_backbone_predicts_as_before_under_the_same_names():
    plain, images = build(), torch.randn(1, 3, 64, 64)
    torch.manual_seed(0)
    config = ConfigDict(
        type='FoundationSegmentor', backbone=BACKBONE, decode_head=MASK_HEAD, test_cfg=SLIDE
    )
    compiled = MODELS.build({**config, 'compile': {'backend': 'eager'}}).eval()
    assert compiled.state_dict().keys() == plain.state_dict().keys()
    with torch.no_grad():
        found = compiled.inference(images, metas(images))
        torch.testing.assert_close(found, plain.inference(images, metas(images)))
