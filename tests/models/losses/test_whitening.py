import pytest
import torch
from recipes import normal, recorded
from torch.nn import functional as F

from rein.models.losses.covariance import channel_covariance
from rein.models.losses.feature import View
from rein.models.losses.whitening import (
    InstanceWhitening,
    RelaxedInstanceWhitening,
    SelectiveInstanceWhitening,
    pairs_of_channels,
    sensitive_pairs,
    whitening,
)

RECORDED = recorded('whitening')['isw']['result']
SITE = 'backbone.norm'


def normed(maps):
    return F.instance_norm(maps, eps=1e-5)


def loss_and_gradient(loss):
    raw = normal(111, 3, 16, 9, 9)
    maps = normed(raw).requires_grad_()
    value = loss([View({SITE: maps}, None, None)])['loss']
    value.backward()
    return value.item(), maps.grad.norm().item()


def pair(trial, number):
    kept = normal(300 + 10 * trial + number, 1, 16, 9, 9)
    scale = (1 + 0.5 * normal(400 + 10 * trial + number, 1, 16, 1, 1)).abs()
    moved = kept * scale + 0.3 * normal(500 + 10 * trial + number, 1, 16, 9, 9)
    return torch.cat([normed(moved), normed(kept)])


def measured(clusters, trials=2):
    loss = SelectiveInstanceWhitening({SITE: 16}, clusters=clusters)
    for trial in range(trials):
        loss.begin_trial()
        for number in range(3):
            loss.add_pair({SITE: pair(trial, number)})
        loss.end_trial()
    return loss


def above(expected):
    found = torch.zeros(16, 16, dtype=torch.bool)
    for row, column in expected:
        found[row, column] = True
    return found


@pytest.mark.parametrize('relax', [0, 2, 64])
def test_whitening_of_all_pairs_agrees_with_the_authors(relax):
    expected = RECORDED[f'irw_relax_{relax}']
    sites = {SITE: 16}
    loss = RelaxedInstanceWhitening(sites, relax=relax) if relax else InstanceWhitening(sites)
    value, gradient = loss_and_gradient(loss)
    assert value == pytest.approx(expected['loss'], rel=1e-5)
    assert gradient == pytest.approx(expected['grad_norm_x'], rel=1e-4)


@pytest.mark.parametrize('clusters', [2, 3])
def test_chosen_pairs_and_their_whitening_agree_with_the_authors(clusters):
    expected = RECORDED[f'isw_clusters_{clusters}']
    for number, trial in enumerate(expected['trials'], 1):
        chosen = measured(clusters, trials=number).chosen(0)
        torch.testing.assert_close(chosen, above(trial['mask']), rtol=0, atol=0)
    loss = measured(clusters)
    assert loss.chosen(0).sum() == expected['final_num_sensitive']
    value, gradient = loss_and_gradient(loss)
    assert value == pytest.approx(expected['loss'], rel=1e-5)
    assert gradient == pytest.approx(expected['grad_norm_x'], rel=1e-4)


def test_whitening_of_two_channels_worked_by_hand():
    maps = torch.tensor([[[[1.0, -1.0, 1.0, -1.0]], [[1.0, -1.0, -1.0, 1.0]]]])
    assert whitening(maps, pairs_of_channels(2)) == 0  # the two do not vary together
    maps[0, 1] = maps[0, 0]
    assert whitening(maps, pairs_of_channels(2)).item() == pytest.approx(4 / 3)


def test_a_pair_that_changes_with_style_is_sensitive():
    variances = torch.zeros(3, 3)
    variances[0, 1], variances[0, 2], variances[1, 2] = 1.0, 0.01, 0.9
    assert sensitive_pairs(variances, 2).nonzero().tolist() == [[0, 1], [1, 2]]


def test_before_anything_is_chosen_selective_whitening_costs_nothing():
    loss = SelectiveInstanceWhitening({SITE: 16}, clusters=2)
    assert loss_and_gradient(loss) == (0, 0)


def test_trials_that_agree_on_nothing_leave_a_finite_loss_and_a_warning(monkeypatch):
    said = []
    monkeypatch.setattr(
        'rein.models.losses.whitening.print_log', lambda text, **_: said.append(text)
    )
    loss = SelectiveInstanceWhitening({SITE: 3}, clusters=2)
    first, second = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    first[:, 2], second[:, 0] = 0, 0  # so only (0, 1), then only (1, 2) can change
    for maps in (first, second):
        loss.begin_trial()
        loss.add_pair({SITE: maps})
        loss.end_trial()
    assert not loss.chosen(0).any()
    assert 'nothing is whitened there' in said[0]
    value = loss([View({SITE: torch.randn(2, 3, 8, 8)}, None, None)])['loss']
    assert value == 0


def test_what_was_chosen_is_in_the_state_and_comes_back():
    kept = measured(3)
    again = SelectiveInstanceWhitening({SITE: 16}, clusters=3)
    again.load_state_dict(kept.state_dict())
    torch.testing.assert_close(again.chosen(0), kept.chosen(0), rtol=0, atol=0)
    assert again.trials == 2


def test_an_empty_trial_is_an_error():
    loss = SelectiveInstanceWhitening({SITE: 4}, clusters=2)
    loss.begin_trial()
    with pytest.raises(ValueError, match='a trial without images'):
        loss.end_trial()


def test_one_cluster_or_no_margin_is_refused():
    with pytest.raises(ValueError, match=r'clusters is 1; with fewer than 2'):
        SelectiveInstanceWhitening({SITE: 4}, clusters=1)
    with pytest.raises(ValueError, match=r'relax is 0; it must be above 0'):
        RelaxedInstanceWhitening({SITE: 4}, relax=0)


def test_loss_is_the_mean_over_sites_times_the_weight():
    maps = {'a': normed(torch.randn(2, 4, 6, 6)), 'b': normed(torch.randn(2, 6, 3, 3))}
    loss = InstanceWhitening({'a': 4, 'b': 6}, loss_weight=0.5)
    each = [whitening(m, pairs_of_channels(m.shape[1])) for m in maps.values()]
    found = loss([View(maps, None, None)])['loss']
    torch.testing.assert_close(found, 0.5 * torch.stack(each).mean())


def test_gradient():
    maps = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    assert channel_covariance(maps).abs().min() > 1e-3  # away from the kink of the absolute value
    assert torch.autograd.gradcheck(lambda m: whitening(m, pairs_of_channels(3), 0.1), maps)


def choose_in_process(rank, path, expected):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{path}', rank=rank, world_size=2
    )
    loss = SelectiveInstanceWhitening({SITE: 16}, clusters=3)
    for trial in range(2):
        loss.begin_trial()
        for number in range(3)[rank::2]:  # two images here, one there
            loss.add_pair({SITE: pair(trial, number)})
        loss.end_trial()
    assert torch.equal(loss.chosen(0), expected)
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_choose_what_one_chooses(tmp_path):
    # spawn raises what a process raises
    arguments = (str(tmp_path / 'meeting'), measured(3).chosen(0))
    torch.multiprocessing.spawn(choose_in_process, arguments, nprocs=2)
