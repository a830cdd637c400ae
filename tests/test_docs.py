"""What the pages say is there: files, links, options and configs that can be pasted."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

import rein  # noqa: F401
from rein import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    str(f.relative_to(ROOT))
    for f in [ROOT / 'README.md', ROOT / 'checkpoints/README.md', *(ROOT / 'docs').rglob('*.md')]
)
OURS = ('rein', 'configs', 'tools', 'data_prep', 'tests', 'docs', 'requirements')
NAMED = re.compile(rf'(?<![\w./:-])(?:{"|".join(OURS)})/[\w./+-]+')


def fences(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf'^```{language}\n(.*?)^```', (ROOT / page).read_text(), re.M | re.S)


def commands(page: str) -> list[list[str]]:
    """Every shell command of a page, split into words."""
    text = '\n'.join(fences(page, 'bash')).replace('\\\n', ' ')
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize('page', PAGES)
def test_a_page_links_to_what_is_there(page):
    text = re.sub(r'^```.*?^```', '', (ROOT / page).read_text(), flags=re.M | re.S)
    links = re.findall(r'\]\((?!https?:|mailto:)([^)#\s]+)', text)
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize('page', PAGES)
def test_a_page_names_files_that_are_there(page):
    names = {name.rstrip('./') for name in NAMED.findall((ROOT / page).read_text())}
    missing = [n for n in names if not (ROOT / n).exists() and not list(ROOT.glob(f'{n}*'))]
    assert sorted(missing) == []


@pytest.mark.parametrize('page', PAGES)
def test_a_pages_programs_and_configs_are_there(page):
    for words in commands(page):
        programs = [word for word in words if word.endswith('.py') and word.split('/')[0] in OURS]
        assert [p for p in programs if not (ROOT / p).is_file()] == [], words
        if words[0] == 'make':
            targets = [word for word in words[1:] if '=' not in word]
            makefile = (ROOT / 'Makefile').read_text()
            assert [t for t in targets if f'\n{t}:' not in makefile] == []


def test_the_script_for_slurm_starts_torchrun_on_each_machine(tmp_path):
    (script,) = fences('docs/distributed.md', 'sh')
    stubs = {
        'scontrol': 'printf "node%s\\n" 7 8',
        'srun': 'for id in 0 1; do SLURM_NODEID=$id "$@"; done',
        'torchrun': 'echo "$@"',
    }
    for name, text in stubs.items():
        (tmp_path / name).write_text(f'#!/bin/bash\n{text}\n')
        (tmp_path / name).chmod(0o755)
    slurm = dict(SLURM_JOB_NODELIST='node[7-8]', SLURM_JOB_ID='123456', SLURM_NNODES='2')
    slurm |= dict(SLURM_GPUS_ON_NODE='2', PATH=f'{tmp_path}:{os.environ["PATH"]}')
    started = subprocess.run(
        ['bash'], input=script, env=slurm, text=True, capture_output=True, check=True
    ).stdout.splitlines()
    assert len(started) == 2
    for number, line in enumerate(started):
        launch, _, rest = line.partition('tools/train.py')
        assert launch == (
            f'--nnodes 2 --node-rank {number} --nproc-per-node 2 '
            '--master-addr node7 --master-port 23456 '
        )
        assert cli._parser('').parse_known_args(rest.split())[1] == ['--resume']


def test_every_train_and_test_command_is_one_that_the_tools_take(monkeypatch):
    parsed = []
    for page in PAGES:
        for words in commands(page):
            for name in ('train', 'test'):
                if f'tools/{name}.py' in words:
                    rest = words[words.index(f'tools/{name}.py') + 1 :]
                    parsed.append((name, rest))
    monkeypatch.setattr(cli, 'load_config', lambda path, options: Config())
    for name in ('_train', '_test'):
        monkeypatch.setattr(cli, name, lambda args, config: None)
    assert len(parsed) >= 6
    for name, arguments in parsed:
        assert getattr(cli, name)(arguments) == 0, arguments


def test_every_command_of_generation_is_one_that_the_tool_takes(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    import generate

    found = [words for page in PAGES for words in commands(page) if 'tools/generate.py' in words]
    assert len(found) >= 12
    for words in found:
        rest = words[words.index('tools/generate.py') + 1 :]
        if '--help' not in rest:
            generate.apply_recipe(generate.parser(), rest)


def test_the_config_of_the_readme_can_be_pasted(tmp_path):
    (text,) = fences('README.md', 'python')
    (tmp_path / 'mine.py').write_text(text)
    config = Config.fromfile(tmp_path / 'mine.py')
    assert config.train_dataloader.dataset.dataset.data_root == 'data/mine'
    assert config.test_dataloader.dataset.type == 'SegmentationFolder'
    init_default_scope('mmseg')
    config.model.backbone.weights = None
    with torch.device('meta'):
        model = MODELS.build(config.model)
    assert model.decode_head.cls_embed.out_features == 4  # three classes and "no object"


def test_the_adapter_of_the_extending_page_works_as_it_stands(tmp_path):
    adapter, heir, *_ = fences('docs/extending.md', 'python')
    exec(adapter, {'__name__': 'pasted'})
    (tmp_path / 'heir.py').write_text(heir)
    init_default_scope('mmseg')
    settings = Config.fromfile(tmp_path / 'heir.py').model
    settings.backbone.weights = None
    with torch.device('meta'):
        model = MODELS.build(settings)
    trained = sum(p.numel() for p in model.backbone.parameters() if p.requires_grad)
    assert trained == 24 * (2 * 1024 * 64 + 64 + 1024)
    MODELS.module_dict.pop('BottleneckAdapter')
