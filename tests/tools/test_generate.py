"""tools/generate.py as a user calls it: commands, recipes, and one message for what is wrong."""

import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools'))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'generation'))

import generate
import tiny_pipelines

from rein.generation.manifest import read_manifest
from rein.generation.prompts import read_prompts

ROOT = Path(__file__).resolve().parents[2]
SMALL = ['--size', '32', '32', '--steps', '2', '--device', 'cpu']


@pytest.fixture(scope='module')
def pipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pipe')
    tiny_pipelines.stable_diffusion().save_pretrained(folder)
    return str(folder)


def run(*words):
    return generate.main([str(word) for word in words])


@pytest.fixture
def prompts(tmp_path):
    assert run('prompts', '--source', 'template', '--out', tmp_path / 'p.jsonl') == 0
    return tmp_path / 'p.jsonl'


def test_prompts_of_every_source_but_a_language_model(tmp_path, capsys):
    out = tmp_path / 'p.jsonl'
    (tmp_path / 'list.txt').write_text('a red car\n')
    assert run('prompts', '--source', 'list', '--list', tmp_path / 'list.txt', '--out', out) == 0
    assert read_prompts(out)[0].prompt == 'a red car'
    assert run('prompts', '--count', '38', '--seed', '4', '--out', out) == 0
    assert len(read_prompts(out)) == 38
    assert 'bicycle 2' in capsys.readouterr().out
    words = ['--source', 'template', '--template', 'datum_talk', '--number', 'singular']
    assert run('prompts', *words, '--classes', 'car', 'bus', '--out', out) == 0
    assert [p.prompt for p in read_prompts(out)] == ['a photo of a sks car', 'a photo of a sks bus']


def test_images_are_made_checked_and_looked_through(pipe, prompts, tmp_path, capsys):
    words = ['images', '--model', pipe, '--prompts', prompts, '--out', tmp_path / 'set', *SMALL]
    assert run(*words, '--count', '3') == 0
    assert (tmp_path / 'set/index.html').is_file()
    assert run('check', tmp_path / 'set') == 0
    assert '3 images are as the manifest says' in capsys.readouterr().out
    assert run('sheet', tmp_path / 'set', '--per-prompt', '1') == 0
    (tmp_path / 'set/images/im_0_p0.png').write_bytes(b'x')
    assert run('check', tmp_path / 'set') == 2
    assert '1 of another size' in capsys.readouterr().err


def test_shards_say_what_is_left_and_the_last_one_finishes(pipe, prompts, tmp_path, capsys):
    words = ['images', '--model', pipe, '--prompts', prompts, '--out', tmp_path / 'set', *SMALL]
    assert run(*words, '--shard', '1/2') == 0
    assert '5 of 10 images are left to other parts' in capsys.readouterr().out
    assert not (tmp_path / 'set/manifest.jsonl').exists()
    assert run(*words, '--shard', '0/2') == 0
    assert len(read_manifest(tmp_path / 'set').images) == 10


def test_a_recipe_gives_options_and_the_command_line_counts_more(pipe, prompts, tmp_path):
    recipe = tmp_path / 'r.yaml'
    text = {'model': pipe, 'size': [32, 32], 'steps': 2, 'count': 2, 'unchecked': True}
    recipe.write_text(json.dumps({'images': text}))
    words = ['images', '--recipe', recipe, '--prompts', prompts, '--device', 'cpu']
    assert run(*words, '--out', tmp_path / 'set', '--steps', '3') == 0
    manifest = read_manifest(tmp_path / 'set')
    assert (len(manifest.images), manifest.settings['steps']) == (2, 3)


@pytest.mark.parametrize('name', ['clouds', 'datum'])
def test_the_recipes_of_the_papers_are_read(name, tmp_path):
    recipe = ROOT / f'configs/generation/{name}.yaml'
    args = generate.apply_recipe(generate.parser(), ['images', '--recipe', str(recipe)])
    assert (args.count, args.steps, args.guidance) == (
        {'clouds': 5000, 'datum': 2975}[name],
        50,
        7.5,
    )
    assert args.size == {'clouds': [768, 768], 'datum': [512, 512]}[name]
    if name == 'datum':
        args = generate.apply_recipe(generate.parser(), ['personalize', '--recipe', str(recipe)])
        assert (args.steps, args.save_every, args.crop, args.resolution) == (1000, 200, 512, 1024)
        assert (args.tuning, args.rate, args.class_prompt) == ('full', None, None)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('images: {stepps: 3}', 'unknown keys in `images`: stepps; known are'),
        ('prompts: {}', 'no section `images:`'),
        ('images: [', 'is not YAML'),
        (None, 'there is no recipe'),
    ],
)
def test_a_bad_recipe_is_refused(tmp_path, capsys, text, said):
    if text is not None:
        (tmp_path / 'r.yaml').write_text(text)
    assert run('images', '--recipe', tmp_path / 'r.yaml') == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['images'], '--model, --prompts, --out missing'),
        (['prompts', '--source', 'llm', '--out', 'x'], '--model missing'),
        (['prompts', '--source', 'list', '--out', 'x'], '--list missing'),
        (['personalize', '--model', 'x'], '--images, --out missing'),
        (['images', '--model', 'a', '--prompts', 'b', '--out', 'c', '--shard', '2/2'], '--shard'),
        (['images', '--model', 'a', '--prompts', 'b.txt', '--out', 'c'], 'no file of prompts b'),
        (['check', 'nowhere'], 'nowhere has no manifest'),
    ],
)
def test_what_is_missing_is_said_in_one_message(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert 'Traceback' not in told


def test_images_that_stay_black_fail_and_say_why(prompts, tmp_path, capsys):
    pipeline = tiny_pipelines.stable_diffusion()
    torch.nn.init.zeros_(pipeline.vae.decoder.conv_out.weight)
    torch.nn.init.constant_(pipeline.vae.decoder.conv_out.bias, -9.0)
    pipeline.save_pretrained(tmp_path / 'black')
    words = ['--model', tmp_path / 'black', '--prompts', prompts, '--out', tmp_path / 'set']
    assert run('images', *words, *SMALL, '--count', '2', '--redraws', '1') == 2
    told = capsys.readouterr().err
    assert '2 images came out black' in told
    assert '--dtype bfloat16 or float32' in told
    assert len(read_manifest(tmp_path / 'set').lines) == 2


def test_personalisation_writes_what_images_reads(pipe, prompts, tmp_path, capsys):
    from PIL import Image

    Image.effect_noise((64, 48), 60).convert('RGB').save(tmp_path / 'a.png')
    words = ['--model', pipe, '--images', tmp_path / 'a.png', '--out', tmp_path / 'place']
    words += ['--steps', '2', '--crop', '32', '--resolution', '48', '--samples', '1']
    assert run('personalize', *words, '--tuning', 'lora', '--rank', '2', '--device', 'cpu') == 0
    assert f'to make images of: {tmp_path}/place/step_2' in capsys.readouterr().out
    words = ['--model', tmp_path / 'place/step_2', '--prompts', prompts, '--out', tmp_path / 'set']
    assert run('images', *words, *SMALL, '--count', '1') == 0


def test_costs_are_counted_from_configs(pipe, capsys):
    assert run('cost', '--model', pipe, '--size', '64', '64', '--efficiency', '0.5') == 0
    told = capsys.readouterr().out
    assert 'denoiser: 0.2 M parameters' in told
    assert '| H100 | 989 | 0.0 |' in told
    assert run('cost', '--model', pipe, '--efficiency', '35') == 2
    assert 'a share, from 0 to 1' in capsys.readouterr().err
