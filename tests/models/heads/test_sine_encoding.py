import math

import pytest
import torch

from rein.models.heads.sine_encoding import sine_encoding


def test_encoding_of_a_small_map_worked_by_hand():
    code = sine_encoding((1, 2), 8).view(2, 8)
    # Row 1 of 1 is at 2π, column 1 of 2 at π; wavelengths are 1 and 10000^(1/2) = 100.
    row = [math.sin(2 * math.pi), math.cos(2 * math.pi)]
    row += [math.sin(2 * math.pi / 100), math.cos(2 * math.pi / 100)]
    column = [math.sin(math.pi), math.cos(math.pi), math.sin(math.pi / 100)]
    column += [math.cos(math.pi / 100)]
    torch.testing.assert_close(code[0], torch.tensor(row + column), rtol=0, atol=1e-5)
    torch.testing.assert_close(code[1], torch.tensor(row + row), rtol=0, atol=1e-5)


def test_rows_and_columns_change_places_with_the_map():
    tall = sine_encoding((6, 4), 16).view(6, 4, 2, 8)
    wide = sine_encoding((4, 6), 16).view(4, 6, 2, 8)
    torch.testing.assert_close(tall, wide.transpose(0, 1).flip(2))


def test_width_that_is_no_multiple_of_four_is_named():
    with pytest.raises(ValueError, match='feat_channels is 6'):
        sine_encoding((2, 2), 6)
