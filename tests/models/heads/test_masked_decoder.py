import torch
from torch import nn

from rein.models.heads.masked_decoder import Attention, MaskedDecoder, attention_mask


def test_attention_is_that_of_pytorch():
    torch.manual_seed(0)
    attention = Attention(8, heads=2).eval()
    query, key, value = torch.randn(2, 5, 8), torch.randn(2, 7, 8), torch.randn(2, 7, 8)
    allowed = torch.rand(2, 1, 5, 7) > 0.3
    allowed[..., 0] = True
    blocked = ~allowed.expand(-1, 2, -1, -1).flatten(0, 1)
    expected, _ = attention.attn(query, key, value, attn_mask=blocked)
    torch.testing.assert_close(attention(query, key, value, allowed), expected)


def test_mask_allows_what_is_at_least_half_likely_and_everything_if_nothing_is():
    features = torch.tensor([[[1.0, 0.0, -2.0]]])  # (1, 1, 3)
    masks = torch.tensor([[[3.0], [-1.0]]])
    allowed = attention_mask(masks, features)[0, 0]
    assert allowed.tolist() == [[True, True, False], [False, True, True]]
    nowhere = attention_mask(masks.abs(), -features.abs() - 1)
    assert nowhere.all()


def decoder_and_inputs():
    torch.manual_seed(0)
    decoder = MaskedDecoder(8, num_layers=4, num_heads=2, ffn_channels=12).eval()
    memory = [(torch.randn(1, n, 8), torch.randn(1, n, 8)) for n in (4, 6, 9)]
    features = [torch.randn(1, 8, n) for n in (4, 6, 9)]
    return decoder, memory, features, nn.Linear(8, 8)


def test_queries_in_another_order_come_out_in_that_order():
    decoder, memory, features, embed = decoder_and_inputs()
    content, position = torch.randn(1, 5, 8), torch.randn(1, 5, 8)
    order = torch.tensor([3, 1, 4, 0, 2])
    states = decoder(content, position, memory, features, embed)
    found = decoder(content[:, order], position[:, order], memory, features, embed)
    torch.testing.assert_close(found, states[:, :, order])


def test_layers_visit_the_levels_in_turn_from_the_coarsest():
    decoder, memory, features, embed = decoder_and_inputs()
    content, position = torch.randn(1, 5, 8), torch.randn(1, 5, 8)
    states = decoder(content, position, memory, features, embed)
    for level, first_layer in enumerate((0, 1, 2)):
        changed = [(k, v + 1) if n == level else (k, v) for n, (k, v) in enumerate(memory)]
        others = decoder(content, position, changed, features, embed)
        same = [torch.equal(a, b) for a, b in zip(states, others, strict=True)]
        assert same == [number <= first_layer for number in range(5)]


def test_masks_that_guide_attention_get_no_gradient_from_it():
    decoder, memory, features, embed = decoder_and_inputs()
    content = torch.randn(1, 5, 8, requires_grad=True)
    decoder(content, torch.zeros(1, 5, 8), memory, features, embed).sum().backward()
    assert content.grad is not None
    assert embed.weight.grad is None
