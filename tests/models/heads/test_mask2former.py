from pathlib import Path

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from rein.models.backbones.pyramid import ResizePyramid
from rein.models.heads import PlainMask2FormerHead

FILE = Path(__file__).parents[2] / 'reference' / 'rein_reference_tiny.pt'
SMALL = {
    'num_classes': 5,
    'in_channels': [6, 8, 10, 12],
    'feat_channels': 16,
    'out_channels': 16,
    'num_queries': 7,
    'pixel_decoder': {'num_layers': 1, 'num_heads': 2, 'ffn_channels': 24, 'norm_groups': 4},
    'transformer_decoder': {'num_layers': 4, 'num_heads': 2, 'ffn_channels': 24},
    'loss_args': {'num_points': 64},
}


def small_head(**changes):
    torch.manual_seed(0)
    head = PlainMask2FormerHead(**{**SMALL, **changes})
    for layer in head.pixel_decoder.encoder.layers:
        torch.nn.init.normal_(layer.self_attn.sampling_offsets.weight, std=0.1)
    return head


def maps_of(height=64, width=64, batch=2, strides=(4, 8, 16, 32), channels=SMALL['in_channels']):
    generator = torch.Generator().manual_seed(1)
    return tuple(
        torch.randn(batch, c, height // s, width // s, generator=generator)
        for c, s in zip(channels, strides, strict=True)
    )


def sample(labels, **meta):
    return SegDataSample(gt_sem_seg=PixelData(data=labels[None]), metainfo=meta)


def stripes(*classes, size=64):
    return torch.tensor(classes).repeat_interleave(size // len(classes)).repeat(size, 1)


def test_resizing_behind_the_first_convolutions_equals_a_pyramid_before_them():
    head = small_head().eval()
    equal = maps_of(strides=(16, 16, 16, 16))
    pyramid = ResizePyramid(SMALL['in_channels'])(equal)
    behind = small_head(pixel_decoder={**SMALL['pixel_decoder'], 'scales': (4, 2, 1, 0.5)}).eval()
    for found, expected in zip(behind(equal), head(pyramid), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    odd = tuple(each[..., :3, :] for each in equal)  # half of an odd side is rounded down
    for found, expected in zip(
        behind(odd), head(ResizePyramid(SMALL['in_channels'])(odd)), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('scales', [(4, 2, 1), (4, 2, 1, 0)])
def test_scales_that_are_no_factor_for_each_map_are_named(scales):
    with pytest.raises(ValueError, match=r'pixel_decoder\.scales'):
        small_head(pixel_decoder={'scales': scales, 'norm_groups': 4})


# --- numbers from elsewhere ------------------------------------------------------------------


def test_prediction_from_maps_and_queries_is_that_of_the_authors():
    recorded = torch.load(FILE, weights_only=True)
    dims = recorded['dims']
    sizes = {'num_heads': dims['heads'], 'ffn_channels': dims['ffn']}
    head = PlainMask2FormerHead(
        num_classes=19,
        in_channels=[dims['C']] * 4,
        queries='external',
        feat_channels=dims['FC'],
        out_channels=dims['FC'],
        num_queries=dims['Q'],
        pixel_decoder={'num_layers': dims['enc_layers'], 'norm_groups': dims['gn'], **sizes},
        transformer_decoder={'num_layers': dims['dec_layers'], **sizes},
    ).eval()
    prefix = 'decode_head.'
    release = recorded['rein_and_head'].items()
    weights = {k.removeprefix(prefix): v for k, v in release if k.startswith(prefix)}
    head.load_state_dict(weights, strict=True)
    with torch.no_grad():
        scores = head.predict(
            recorded['feats'], [{'img_shape': (64, 64)}], None, queries=recorded['query']
        )
    expected = recorded['logits_every_4']
    torch.testing.assert_close(scores[..., ::4, ::4], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ('channels', 'queries', 'count'),
    [
        ([1024] * 4, 'external', 20_579_796),
        ([1024] * 4, 'external_position', 20_539_604),
        ([1024] * 4, 'learned', 20_565_204),
        ([384] * 4, 'external', 19_924_436),
        ([768] * 4, 'external', 20_317_652),
        ([1536] * 4, 'external', 21_104_084),
        ([1280] * 4, 'external', 20_841_940),
        ([192, 384, 768, 1536], 'external', 20_268_500),
        ([256, 512, 1024, 2048], 'external', 20_514_260),
    ],
)
def test_parameters_are_as_many_as_published(channels, queries, count):
    with torch.device('meta'):
        head = PlainMask2FormerHead(19, channels, queries=queries)
    assert sum(p.numel() for p in head.parameters()) == count


def test_release_has_no_tensor_besides_the_parameters():
    with torch.device('meta'):
        head = PlainMask2FormerHead(19, [1024] * 4, queries='external')
    assert len(head.state_dict()) == 292
    assert set(head.state_dict()) == {name for name, _ in head.named_parameters()}


# --- promises --------------------------------------------------------------------------------


def test_class_and_mask_logits_of_every_layer_come_at_the_size_of_the_finest_map():
    outputs = small_head()(maps_of(64, 96))
    assert len(outputs) == 5
    for classes, masks in outputs:
        assert classes.shape == (2, 7, 6)
        assert masks.shape == (2, 7, 16, 24)


def test_scores_are_class_chances_times_mask_chances_summed_over_queries():
    head, maps = small_head().eval(), maps_of(64, 96)
    with torch.no_grad():
        classes, masks = head(maps)[-1]
        masks = torch.nn.functional.interpolate(masks, size=(64, 96), mode='bilinear')
        scores = head.predict(maps, [{'img_shape': (64, 96)}])
    expected = classes.softmax(-1)[..., :5].transpose(1, 2) @ masks.sigmoid().flatten(2)
    torch.testing.assert_close(scores.flatten(2), expected, rtol=1e-4, atol=1e-5)


def test_prediction_has_the_padded_size_except_in_sliding_windows():
    head, maps = small_head().eval(), maps_of()
    metas = [{'img_shape': (60, 50), 'pad_shape': (64, 64)}] * 2
    with torch.no_grad():
        assert head.predict(maps, metas, {'mode': 'whole'}).shape == (2, 5, 64, 64)
        assert head.predict(maps, metas, {'mode': 'slide'}).shape == (2, 5, 60, 50)


def test_images_of_a_batch_do_not_see_each_other():
    head, maps = small_head().eval(), maps_of()
    with torch.no_grad():
        together = head(maps)[-1][1]
        alone = head([level[1:] for level in maps])[-1][1]
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)


def test_strides_of_a_dilated_network_are_as_good_as_others():
    head = small_head(strides=[4, 8, 8, 8])
    outputs = head(maps_of(strides=(4, 8, 8, 8)))
    assert outputs[-1][1].shape == (2, 7, 16, 16)


@pytest.mark.parametrize('queries', ['external', 'external_position'])
def test_queries_for_each_image_equal_queries_for_all(queries):
    head, maps, given = small_head(queries=queries).eval(), maps_of(), torch.randn(7, 16)
    with torch.no_grad():
        shared = head(maps, given)[-1]
        each = head(maps, given.expand(2, 7, 16))[-1]
    torch.testing.assert_close(each, shared)


def test_queries_from_outside_in_another_order_give_masks_in_that_order():
    head, maps, given = small_head(queries='external').eval(), maps_of(), torch.randn(7, 16)
    order = torch.tensor([6, 2, 5, 0, 1, 4, 3])
    with torch.no_grad():
        masks = head(maps, given)[-1][1]
        found = head(maps, given[order])[-1][1]
    torch.testing.assert_close(found, masks[:, order], rtol=1e-4, atol=1e-5)


def test_forward_compiles_to_one_graph():
    two_layers = {**SMALL['transformer_decoder'], 'num_layers': 2}
    head = small_head(queries='external', transformer_decoder=two_layers).eval()
    maps, given = maps_of(), torch.randn(7, 16)
    compiled = torch.compile(head.forward, backend='eager', fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(maps, given), head(maps, given))


def test_bfloat16_autocast_predicts_and_trains_like_float32():
    head, maps = small_head(), maps_of()
    labels = [sample(stripes(0, 3)), sample(stripes(1, 255))]
    with torch.no_grad():
        exact = head.predict(maps, [{'img_shape': (64, 64)}])
    with torch.autocast('cpu', torch.bfloat16):
        with torch.no_grad():
            scores = head.predict(maps, [{'img_shape': (64, 64)}])
        losses = head.loss(maps, labels)
    assert scores.dtype == torch.float32
    assert (scores - exact).abs().mean() < 0.05 * exact.mean()
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


# --- training --------------------------------------------------------------------------------


@pytest.mark.parametrize('queries', ['learned', 'external', 'external_position'])
def test_every_parameter_and_query_gets_a_gradient(queries):
    head = small_head(queries=queries)
    given = None if queries == 'learned' else torch.randn(7, 16, requires_grad=True)
    maps = [level.requires_grad_() for level in maps_of()]
    losses = head.loss(maps, [sample(stripes(0, 3)), sample(stripes(1, 4))], queries=given)
    sum(losses.values()).backward()
    tensors = [*head.parameters(), *maps, *([] if given is None else [given])]
    assert all(t.grad is not None and t.grad.abs().sum() > 0 for t in tensors)


def test_batch_without_any_target_still_gives_every_parameter_a_gradient():
    head = small_head()  # else DistributedDataParallel waits for ever
    losses = head.loss(maps_of(), [sample(stripes(255, 255))] * 2)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_losses_have_the_names_of_published_logs():
    losses = small_head().loss(maps_of(), [sample(stripes(0, 3)), sample(stripes(255, 255))])
    names = {'loss_cls', 'loss_mask', 'loss_dice'}
    assert set(losses) == names | {f'd{k}.{name}' for k in range(4) for name in names}
    assert all(loss.isfinite() for loss in losses.values())


def test_checkpointing_changes_no_gradient():
    gradients = []
    for with_cp in (False, True):
        head = small_head(pixel_decoder={**SMALL['pixel_decoder'], 'with_cp': with_cp})
        torch.manual_seed(2)
        losses = head.loss(maps_of(), [sample(stripes(0, 3)), sample(stripes(1, 4))])
        sum(losses.values()).backward()
        gradients.append([p.grad for p in head.parameters()])
    torch.testing.assert_close(*gradients)


def test_loss_falls_when_trained_on_one_image():
    head, maps = small_head(), maps_of()
    labels = [sample(stripes(0, 3)), sample(stripes(1, 255))]
    optimizer = torch.optim.AdamW(head.parameters(), 3e-3)
    totals = []
    for _ in range(40):
        total = sum(head.loss(maps, labels).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < 0.7 * totals[0]


# --- errors ----------------------------------------------------------------------------------


def test_label_that_is_no_class_is_named_with_its_image():
    labels = [sample(stripes(0, 3)), sample(stripes(7, 255), img_path='data/a.png')]
    with pytest.raises(ValueError, match=r'label ids \[7\] .* data/a\.png; allowed are 0 to 4'):
        small_head().loss(maps_of(), labels)


def test_queries_that_do_not_come_are_asked_for():
    with pytest.raises(ValueError, match=r'no queries came; use FoundationSegmentor .*TokenQuer'):
        small_head(queries='external')(maps_of())


def test_queries_that_nobody_wants_are_refused():
    with pytest.raises(ValueError, match="queries is 'learned', but queries came from outside"):
        small_head()(maps_of(), torch.randn(7, 16))


@pytest.mark.parametrize(
    ('shape', 'message'),
    [
        ((7, 12), r'queries are 12 wide, but decode_head.feat_channels is 16'),
        ((9, 16), r'9 queries came, but decode_head.num_queries is 7; .*token_length'),
        ((3, 7, 16), r'queries \(3, 7, 16\) came with 2 images'),
    ],
)
def test_queries_of_another_shape_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        small_head(queries='external')(maps_of(), torch.randn(shape))


def test_maps_of_another_number_are_named():
    with pytest.raises(ValueError, match=r'3 maps came, but decode_head was built for 4'):
        small_head()(maps_of()[:3])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'in_channels': None}, 'in_channels is missing: FoundationSegmentor fills it in'),
        ({'in_channels': [8, 8, 8]}, r'in_channels is \[8, 8, 8\]; four maps are needed'),
        ({'in_channels': 8}, 'in_channels is 8; four maps are needed'),
        ({'strides': [32, 16, 8, 4]}, r'strides is \[32, 16, 8, 4\]; .* finest first'),
        ({'queries': 'outside'}, "queries is 'outside'; use one of"),
        ({'transformer_decoder': {'num_heads': 3}}, 'not divisible by .*num_heads 3'),
    ],
)
def test_config_the_head_cannot_be_built_for_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        small_head(**changes)


def test_head_is_built_from_a_config_and_tells_a_segmentor_what_it_needs():
    head = MODELS.build({'type': 'PlainMask2FormerHead', **SMALL})
    assert (head.align_corners, head.num_classes, head.out_channels) == (False, 5, 5)
    assert head.takes_queries
