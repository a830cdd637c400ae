import copy

import pytest
import torch
from torch import nn

from rein.models.segmentors.taps import Taps


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 1, 1, bias=False)
        self.both = Both()
        nn.init.constant_(self.first.weight, 2.0)

    def forward(self, maps):
        return self.both(self.first(maps))


class Both(nn.Module):
    def forward(self, maps):
        return maps + 1, maps - 1


def test_outputs_are_kept_by_name_and_number_and_carry_gradients():
    network, image = Pair(), torch.full((1, 1, 1, 1), 3.0, requires_grad=True)
    with Taps(network, ['first', 'both[1]', 'both[-2]']) as maps:
        network(image)
    assert {site: value.item() for site, value in maps.items()} == {
        'first': 6,
        'both[1]': 5,
        'both[-2]': 7,
    }
    maps['both[1]'].sum().backward()
    assert image.grad.item() == 2


def test_nothing_is_left_on_the_network_even_after_an_error():
    network = Pair()
    with pytest.raises(RuntimeError), Taps(network, ['first']):
        network(torch.zeros(1, 5, 1, 1))
    assert not network.first._forward_hooks
    copy.deepcopy(network)


@pytest.mark.parametrize(
    ('site', 'message'),
    [
        ('frist', r"site 'frist' is no module of Pair; near it are \['first'\]"),
        ('', "site '' is no module of Pair"),
        ('both', r"site 'both' puts out 2 maps; name one, as both\[0\]"),
        ('both[2]', r"site 'both\[2\]' puts out 2 maps"),
        ('both[-3]', r"site 'both\[-3\]' puts out 2 maps"),
        ('first[0]', r"site 'first\[0\]' puts out a Tensor; leave \[0\] away"),
    ],
)
def test_a_site_that_is_not_there_is_named(site, message):
    network = Pair()
    with pytest.raises(ValueError, match=message), Taps(network, [site]):
        network(torch.zeros(1, 1, 1, 1))
