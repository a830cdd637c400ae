"""Who may import whom (docs/architecture.md), and that importing the package does nothing else."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ('adapters', 'losses', 'heads', 'refiners')

# folder or file below rein/ -> modules that it must not import, itself excepted
FORBIDDEN = {
    **{
        f'models/{part}': [f'rein.models.{other}' for other in PARTS if other != part]
        for part in PARTS
    },
    'datasets': ['rein.models', 'rein.cli'],
    'metrics': ['rein.models', 'rein.cli'],
    'hooks': ['rein.models', 'rein.cli'],
    'generation': ['rein.models', 'rein.cli', 'mmseg'],
    '': ['rein.cli', 'mmdet', 'mmpretrain', 'mmcv.ops'],
}
OPTIONAL = (
    'segment_anything',
    'diffusers',
    'transformers',
    'peft',
    'accelerate',
    'xformers',
    'imagecorruptions',
)


def imported(tree: ast.Module, *, top_level: bool = False) -> set[str]:
    """Full names of everything that a file imports, as modules or from modules."""
    nodes = tree.body if top_level else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f'{node.module}.{alias.name}' for alias in node.names} | {str(node.module)}
    return names


def breaches(text: str, forbidden: list[str], *, top_level: bool = False) -> set[str]:
    """Names imported by ``text`` that lie at or below one of the forbidden modules."""
    return {
        name
        for name in imported(ast.parse(text), top_level=top_level)
        if any(name == module or name.startswith(f'{module}.') for module in forbidden)
    }


@pytest.mark.parametrize('folder', FORBIDDEN, ids=lambda folder: folder or 'everywhere')
def test_kinds_of_parts_meet_through_the_registry_only(folder):
    files = sorted((ROOT / 'rein' / folder).rglob('*.py'))
    found = {str(f.relative_to(ROOT)): breaches(f.read_text(), FORBIDDEN[folder]) for f in files}
    assert {name: names for name, names in found.items() if names} == {}


def test_optional_packages_are_imported_where_used():
    files = sorted((ROOT / 'rein').rglob('*.py'))
    found = {
        str(f.relative_to(ROOT)): breaches(f.read_text(), list(OPTIONAL), top_level=True)
        for f in files
    }
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    'line',
    [
        'import rein.models.heads',
        'from rein.models import heads',
        'from rein.models.heads import PlainMask2FormerHead',
        'def f():\n    from rein.models.heads.mask2former import x',
    ],
)
def test_a_forbidden_import_is_seen_however_it_is_written(line):
    assert breaches(line, FORBIDDEN['models/adapters'])


@pytest.mark.slow
def test_import_rein_is_silent_and_leaves_the_process_as_it_was(tmp_path):
    code = (
        'import os, random\n'
        'import mmengine, numpy, torch\n'  # MMEngine itself draws a number as it is imported
        'before = os.getcwd(), random.getstate(), str(numpy.random.get_state()), '
        'torch.get_rng_state().tolist(), torch.get_num_threads()\n'
        'import rein\n'
        'after = os.getcwd(), random.getstate(), str(numpy.random.get_state()), '
        'torch.get_rng_state().tolist(), torch.get_num_threads()\n'
        'raise SystemExit(0 if before == after else 3)\n'
    )
    process = subprocess.run(
        [sys.executable, '-W', 'error', '-c', code],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, '', '')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_neither_rein_nor_generation_loads_diffusers_before_it_is_used():
    code = (
        'import importlib, pkgutil, sys\n'
        'import rein, rein.generation\n'
        'for module in pkgutil.iter_modules(rein.generation.__path__, "rein.generation."):\n'
        '    importlib.import_module(module.name)\n'
        'raise SystemExit("diffusers" in sys.modules)\n'
    )
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    assert (
        subprocess.run([sys.executable, '-c', code], env=environment, check=False).returncode == 0
    )
