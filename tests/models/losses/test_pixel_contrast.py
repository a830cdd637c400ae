import pytest
import torch
from recipes import named, normal, recorded
from torch import nn

from rein.models.losses.feature import View
from rein.models.losses.pixel_contrast import PixelContrast, PixelProjection
from rein.models.losses.pixels import take

TERMS = dict(
    cwcl=dict(type='ClassContrast', classes=3, samples=5),
    sdcl=dict(type='DisentanglementContrast', patches=4),
)


def scene(seed=0):
    """Two views of two images of 16 x 16 with maps of 8 x 8, half of the second view confused."""
    torch.manual_seed(seed)
    labels = torch.randint(0, 3, (2, 4, 4)).repeat_interleave(4, 1).repeat_interleave(4, 2)
    right = nn.functional.one_hot(labels[:, ::2, ::2], 5).permute(0, 3, 1, 2).float()
    confused = torch.where(torch.rand(2, 1, 8, 8) < 0.5, right.roll(1, 1), right)
    return [
        View({'a': normal(seed + k, 2, 6, 8, 8).requires_grad_()}, scores, labels)
        for k, scores in enumerate((right, confused))
    ]


def test_projection_agrees_with_the_authors():
    want = recorded('contrast')['projection_head']
    projection = PixelProjection(24, 16)
    for name, part in projection.named_parameters():
        drawn = named(f'proj_fixture.proj.{name}', *part.shape)
        scale = (2 / 24) ** 0.5 if name.endswith('weight') else 0.1
        part.data = drawn * scale
    maps = normal(31, 2, 24, 6, 5).requires_grad_()
    found = projection(take(maps, torch.arange(60))).view(2, 30, 16).transpose(1, 2)
    (found * normal(32, 2, 16, 6, 5).flatten(2)).sum().backward()
    first = torch.tensor(want['y']['first5'])
    torch.testing.assert_close(found.detach().flatten()[:5], first, rtol=1e-5, atol=1e-6)
    assert found.norm().item() == pytest.approx(want['y']['norm'], rel=1e-5)
    assert maps.grad.norm().item() == pytest.approx(want['grad_norm_x'], rel=1e-4)
    for name, part in projection.named_parameters():
        expected = want['grad_norms'][f'proj.{name}']
        assert part.grad.norm().item() == pytest.approx(expected, rel=1e-4)


def test_projection_heads_have_as_many_parameters_as_the_authors():
    sites = {'backbone[3]': 2048, 'decode_head.joined': 304, 'decode_head.fusion': 256}
    heads = PixelContrast(sites, terms=TERMS).projections
    assert sum(part.numel() for part in heads.parameters()) == 5_023_280
    assert all(part.abs().max() == 0 for name, part in heads.named_parameters() if 'bias' in name)


def test_every_term_is_logged_with_its_weight_and_the_whole_ones():
    plain = PixelContrast({'a': 6}, terms=TERMS, dims=4)
    half = PixelContrast({'a': 6}, terms=TERMS, dims=4, loss_weight=0.5)
    half.load_state_dict(plain.state_dict())
    half.terms['sdcl'].loss_weight = 0.6
    values = []
    for loss in (plain, half):
        torch.manual_seed(1)
        values.append(loss(scene()))
    assert list(values[0]) == ['loss_cwcl', 'loss_sdcl']
    torch.testing.assert_close(values[1]['loss_cwcl'], values[0]['loss_cwcl'] / 2)
    torch.testing.assert_close(values[1]['loss_sdcl'], values[0]['loss_sdcl'])


def test_the_original_view_is_a_target_and_the_heads_learn():
    loss = PixelContrast({'a': 6}, terms=TERMS, dims=4)
    views = scene()
    sum(loss(views).values()).backward()
    assert views[0].maps['a'].grad is None
    assert views[1].maps['a'].grad.abs().sum() > 0
    assert all(part.grad is not None for part in loss.parameters())


def test_the_heads_get_a_gradient_even_where_nothing_takes_part():
    loss = PixelContrast({'a': 6}, terms=TERMS, dims=4)
    views = scene()
    for view in views:
        view.labels.fill_(255)
    found = loss(views)
    assert {name: value.item() for name, value in found.items()} == {
        'loss_cwcl': 0,
        'loss_sdcl': 0,
    }
    sum(found.values()).backward()
    assert all(part.grad.abs().max() == 0 for part in loss.parameters())


def test_a_term_may_be_left_out_but_not_all():
    only = PixelContrast({'a': 6}, terms={**TERMS, 'cwcl': None}, dims=4)
    assert list(only(scene())) == ['loss_sdcl']
    with pytest.raises(ValueError, match=r'PixelContrast.terms is empty'):
        PixelContrast({'a': 6}, terms=dict(cwcl=None))
