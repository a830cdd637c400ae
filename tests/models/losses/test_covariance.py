import pytest
import torch
from recipes import normal, recorded
from torch.nn import functional as F

from rein.models.losses.covariance import (
    CovarianceMatch,
    CrossCovariance,
    channel_covariance,
    covariance_match,
    cross_covariance,
)
from rein.models.losses.feature import View

RECORDED = recorded('covariance')


def views(original, restyled):
    labels = torch.zeros(2, 8, 8, dtype=torch.long)
    return [View(maps, None, labels) for maps in (original, restyled)]


def recorded_maps(case):
    kept = normal(100 + case, 2, (64, 256, 512)[case], (24, 12, 6)[case], (24, 12, 6)[case])
    moved = 0.7 * kept + 0.7 * normal(200 + case, *kept.shape)
    return kept, moved


def test_channel_covariance_of_two_channels_worked_by_hand():
    maps = torch.tensor([[[[1.0, 2.0, 3.0]], [[0.0, 1.0, -1.0]]]])
    # Sums of products over three positions are 14, -1 and 2; they are halved.
    expected = torch.tensor([[[7.00001, -0.5], [-0.5, 1.00001]]])
    torch.testing.assert_close(channel_covariance(maps), expected)


@pytest.mark.parametrize('kind', ['cov_raw', 'cov_in'])
def test_channel_covariance_agrees_with_the_authors(kind):
    maps = normal(11, 2, 8, 5, 7)
    maps = F.instance_norm(maps) if kind == 'cov_in' else maps
    found = channel_covariance(maps)
    want = RECORDED['covariance'][kind]['cov']
    torch.testing.assert_close(found.flatten()[:5], torch.tensor(want['first5']), rtol=1e-5, atol=0)
    assert found.sum().item() == pytest.approx(want['sum'], rel=1e-5)
    assert found.norm().item() == pytest.approx(want['norm'], rel=1e-5)


@pytest.mark.parametrize('case', [0, 1, 2])
@pytest.mark.parametrize(('name', 'loss'), [('CML', covariance_match), ('CCL', cross_covariance)])
def test_both_losses_agree_with_the_authors(case, name, loss):
    want = RECORDED['covariance_alignment']['layers'][case]
    kept, moved = (maps.requires_grad_() for maps in recorded_maps(case))
    normed = F.instance_norm(moved)
    normed.retain_grad()
    found = loss(F.instance_norm(kept), normed)
    found.backward()
    assert found.item() == pytest.approx(want[name], rel=1e-5)
    assert normed.grad.norm().item() == pytest.approx(want[f'{name}_grad_norm_wrt_q_IN'], rel=1e-4)
    assert moved.grad.norm().item() == pytest.approx(want[f'{name}_grad_norm_wrt_q_raw'], rel=1e-4)
    assert kept.grad is None


def test_the_losses_are_means_over_sites_times_their_weight():
    pairs = [recorded_maps(case) for case in range(3)]
    sites = {str(case): pair[0].shape[1] for case, pair in enumerate(pairs)}
    kept, moved = ({str(n): pair[k] for n, pair in enumerate(pairs)} for k in (0, 1))
    want = RECORDED['covariance_alignment']
    total = 0
    for kind, name in ((CovarianceMatch, 'CML'), (CrossCovariance, 'CCL')):
        whole = kind(sites, norm='instance')(views(kept, moved))['loss'].item()
        assert whole == pytest.approx(want[f'{name}_mean_over_3_layers'], rel=1e-5)
        total += kind(sites, loss_weight=0.2, norm='instance')(views(kept, moved))['loss'].item()
    assert total == pytest.approx(want['weighted_0.2_0.2'], rel=1e-5)


def test_covariance_match_of_a_view_with_itself_is_zero():
    maps = normal(1, 2, 4, 5, 5)
    assert covariance_match(maps, maps).item() == 0


@pytest.mark.parametrize('case', [0, 1, 2])
def test_cross_covariance_of_a_view_with_itself_keeps_the_authors_floor(case):
    maps = F.instance_norm(recorded_maps(case)[0])
    want = RECORDED['covariance_alignment']['layers'][case]['CCL_identical_views']
    assert cross_covariance(maps, maps).item() == pytest.approx(want, rel=1e-2)


def test_cross_covariance_is_that_of_the_whole_matrix():
    kept, moved = normal(1, 2, 4, 5, 5), normal(2, 2, 4, 5, 5)
    diagonal = channel_covariance(kept, moved).diagonal(dim1=1, dim2=2)
    expected = ((diagonal - 1) ** 2).mean()
    torch.testing.assert_close(cross_covariance(kept, moved), expected)


@pytest.mark.parametrize('loss', [covariance_match, cross_covariance])
def test_gradients(loss):
    kept = normal(1, 2, 3, 3, 2).double()
    moved = normal(2, 2, 3, 3, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda maps: loss(kept, maps), moved)


def test_half_precision_maps_are_measured_in_single_precision():
    maps = normal(1, 1, 4, 16, 16).half()
    torch.testing.assert_close(channel_covariance(maps), channel_covariance(maps.float()))


def test_a_map_of_one_position_is_refused():
    with pytest.raises(ValueError, match=r'\(2, 3, 1, 1\) have 1 position'):
        channel_covariance(torch.ones(2, 3, 1, 1))


def test_a_wrong_number_of_channels_names_the_site():
    maps = {'backbone.bn1': normal(1, 2, 8, 4, 4)}
    with pytest.raises(ValueError, match=r"'backbone.bn1' has 6 channels, but it gives \(2, 8"):
        CovarianceMatch({'backbone.bn1': 6})(views(maps, maps))


def test_an_unknown_norm_and_no_site_are_refused():
    with pytest.raises(ValueError, match=r"CrossCovariance.norm is 'batch'"):
        CrossCovariance(norm='batch')
    with pytest.raises(ValueError, match=r'CovarianceMatch.sites is empty'):
        CovarianceMatch({})
