"""Saved pipelines, made once."""

import os

import pytest

os.environ.setdefault('HF_HUB_OFFLINE', '1')  # a test never waits for a network

import tiny_pipelines


@pytest.fixture(scope='session')
def pipes(tmp_path_factory):
    """Folder of a saved pipeline by the name of its family."""
    root = tmp_path_factory.mktemp('pipelines')
    made = {
        **tiny_pipelines.FAMILIES,
        'checked': lambda: tiny_pipelines.stable_diffusion(checked=True),
    }
    for name, build in made.items():
        build().save_pretrained(root / name)
    tiny_pipelines.controlnet().save_pretrained(root / 'controlnet')
    return {path.name: str(path) for path in root.iterdir()}
