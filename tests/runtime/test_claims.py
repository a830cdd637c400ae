"""Folders that belong to one set of settings."""

import pytest

from rein.runtime.claims import claim, differences


def test_the_first_to_come_writes_and_the_same_settings_pass(tmp_path):
    record = tmp_path / 'new/record.json'
    claim(record, {'a': (1, 2)}, 'labels', 'remove it')
    written = record.read_bytes()
    claim(record, {'a': [1, 2]}, 'labels', 'remove it')
    assert record.read_bytes() == written
    assert len(list(record.parent.iterdir())) == 1


def test_other_settings_are_named_with_the_mend(tmp_path):
    claim(tmp_path / 'record.json', {'a': 1, 'b': 2}, 'labels', 'remove it')
    with pytest.raises(
        ValueError, match=r'holds labels .* otherwise: a is 1 there and 3 here; rem'
    ):
        claim(tmp_path / 'record.json', {'a': 3, 'b': 2}, 'labels', 'remove it')


def test_what_is_only_here_differs_and_what_is_only_there_does_not():
    assert differences({'old': 1}, {'new': 2}) == ['new is None there and 2 here']
