"""The same images however the work is split, stopped and taken up again; nothing black stays."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from recipes import REFERENCE

from rein.generation.conditions import LabelMaps
from rein.generation.manifest import Job, compare, read_manifest
from rein.generation.pipelines import Source, device_for, load_pipeline, use_attention
from rein.generation.prompts import Prompt, from_template
from rein.generation.sample import Sampler, Sampling
from rein.runtime.seeds import mixed_seed

SMALL = Sampling(width=32, height=32, steps=2, batch=2)
PROMPTS = [Prompt('a car', ('car',), 3), Prompt('a bus', ('bus',), 8), Prompt('a tree', (), 9)]


@pytest.fixture(scope='module')
def loaded(pipes):
    return load_pipeline(Source(pipes['sd']), 'cpu')


def make(sampler, folder, count, parts=1):
    """Make a set, the parts one after the other; returns its manifest's lines."""
    job = None
    for part in range(parts):
        job = Job(folder, sampler.settings, count)
        list(sampler.make(job, part, parts))
    assert job.finish({}) == 0
    manifest = read_manifest(folder)
    assert compare(folder, manifest, hashes=True) == []
    return manifest.lines


def sums(lines):
    return [line.sha256 for line in lines]


def test_prompts_take_turns_and_names_are_those_of_the_papers(loaded, tmp_path):
    lines = make(Sampler(loaded, PROMPTS, SMALL), tmp_path, 5)
    assert [line.file for line in lines] == [f'images/im_{k}_p{k % 3}.png' for k in range(5)]
    assert [line.prompt for line in lines] == ['a car', 'a bus', 'a tree', 'a car', 'a bus']
    assert [line.seed for line in lines[:4]] == [
        mixed_seed(0, 3, 0, 0),
        mixed_seed(0, 8, 0, 0),
        mixed_seed(0, 9, 0, 0),
        mixed_seed(0, 3, 1, 0),
    ]
    assert len(set(sums(lines))) == 5
    assert Image.open(tmp_path / lines[0].file).size == (32, 32)


def test_an_image_is_what_diffusers_gives_for_its_seed(loaded, tmp_path):
    line = make(Sampler(loaded, PROMPTS, Sampling(32, 32, steps=2)), tmp_path, 2)[1]
    image = loaded.pipeline(
        line.prompt,
        width=32,
        height=32,
        num_inference_steps=2,
        generator=torch.Generator().manual_seed(line.seed),
    ).images[0]
    np.testing.assert_array_equal(image, Image.open(tmp_path / line.file))


@pytest.mark.parametrize('parts', [2, 3])
def test_several_parts_make_the_images_of_one(loaded, tmp_path, parts):
    sampler = Sampler(loaded, PROMPTS, SMALL)
    one, more = make(sampler, tmp_path / 'one', 7), make(sampler, tmp_path / 'more', 7, parts)
    assert one == more


def test_a_job_that_was_stopped_goes_on_with_the_same_images(loaded, tmp_path):
    sampler = Sampler(loaded, PROMPTS, SMALL)
    whole = make(sampler, tmp_path / 'whole', 7)
    made = sampler.make(Job(tmp_path / 'cut', sampler.settings, 7))
    kept = [next(made) for _ in range(3)]  # the fourth image is half of a call
    made.close()
    assert sampler.waiting(Job(tmp_path / 'cut', sampler.settings, 7)) == 4
    assert make(sampler, tmp_path / 'cut', 7) == whole
    assert whole[:3] == tuple(kept)


def test_a_set_that_grows_is_the_larger_set(loaded, tmp_path):
    sampler = Sampler(loaded, PROMPTS, SMALL)
    make(sampler, tmp_path / 'grown', 3)
    grown, whole = make(sampler, tmp_path / 'grown', 6), make(sampler, tmp_path / 'whole', 6)
    assert grown == whole


def test_the_number_of_threads_is_a_setting_and_not_the_launchers(loaded, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    two = make(Sampler(loaded, PROMPTS, SMALL), tmp_path / 'two', 4)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    one = make(Sampler(loaded, PROMPTS, SMALL), tmp_path / 'one', 4)
    torch.set_num_threads(before)
    assert one == two


@pytest.mark.parametrize(
    'changes', [{'seed': 1}, {'steps': 3}, {'guidance': 2.0}, {'negative_prompt': 'blur'}]
)
def test_every_setting_makes_other_images_and_another_set(loaded, tmp_path, changes):
    small = {'width': 32, 'height': 32, 'steps': 2}
    first = Sampler(loaded, PROMPTS, Sampling(**small))
    other = Sampler(loaded, PROMPTS, Sampling(**{**small, **changes}))
    assert sums(make(first, tmp_path / 'a', 1)) != sums(make(other, tmp_path / 'b', 1))
    with pytest.raises(ValueError, match=f'{next(iter(changes))} is .* there and .* here'):
        Job(tmp_path / 'a', other.settings, 1)


def test_other_prompts_or_weights_are_another_set(loaded, pipes, tmp_path):
    make(Sampler(loaded, PROMPTS, SMALL), tmp_path, 1)
    other = Sampler(loaded, PROMPTS[:2], SMALL)
    with pytest.raises(ValueError, match='prompts is '):
        Job(tmp_path, other.settings, 1)
    moved = Sampler(
        load_pipeline(Source(pipes['sd'], scheduler='EulerDiscreteScheduler'), 'cpu'),
        PROMPTS,
        SMALL,
    )
    with pytest.raises(ValueError, match=r'scheduler is .*DDIM.* there and .*Euler'):
        Job(tmp_path, moved.settings, 1)


def test_the_same_weights_in_another_folder_are_the_same_set(loaded, pipes, tmp_path):
    make(Sampler(loaded, PROMPTS, SMALL), tmp_path / 'set', 1)
    shutil.copytree(pipes['sd'], tmp_path / 'copy')
    copy = load_pipeline(Source(str(tmp_path / 'copy')), 'cpu')
    assert set(Job(tmp_path / 'set', Sampler(copy, PROMPTS, SMALL).settings, 1).done) == {0}


class Blackened:
    """A pipeline whose images are black, or flagged, for the first calls of some prompts."""

    def __init__(self, pipeline, times, *, flagged):
        self.pipeline, self.times, self.flagged = pipeline, times, flagged
        self.device = pipeline.device

    def __call__(self, prompt, generator, width=None, height=None, num_inference_steps=50):
        answer = self.pipeline(
            prompt,
            generator=generator,
            width=width,
            height=height,
            num_inference_steps=num_inference_steps,
        )
        flags = [self.times.get(text, 0) > 0 for text in prompt]
        for k, text in enumerate(prompt):
            if flags[k]:
                self.times[text] -= 1
                answer.images[k] = Image.new('RGB', (32, 32), (255,) * 3 if self.flagged else 0)
        answer.nsfw_content_detected = flags if self.flagged else None
        return answer


def blackened(loaded, times, **how):
    return replace(loaded, pipeline=Blackened(loaded.pipeline, times, **how))


@pytest.mark.parametrize('flagged', [True, False])
def test_a_black_or_flagged_image_is_drawn_anew_with_a_seed_of_its_own(loaded, tmp_path, flagged):
    sampler = Sampler(blackened(loaded, {'a bus': 2}, flagged=flagged), PROMPTS, SMALL)
    lines = make(sampler, tmp_path, 3)
    assert [line.redraws for line in lines] == [0, 2, 0]
    assert lines[1].seed == mixed_seed(0, 8, 0, 2)
    assert np.asarray(Image.open(tmp_path / lines[1].file)).std() > 0


def test_a_prompt_that_stays_black_is_recorded_and_the_others_are_made(loaded, tmp_path):
    small = Sampling(width=32, height=32, steps=2, redraws=2)
    times = {'a bus': 9}
    lines = make(Sampler(blackened(loaded, times, flagged=True), PROMPTS, small), tmp_path, 3)
    assert times == {'a bus': 6}
    assert [bool(line.file) for line in lines] == [True, False, True]
    assert 'safety checker' in lines[1].refused
    assert len(list((tmp_path / 'images').iterdir())) == 2


def test_a_safety_checker_is_kept_or_left_out(pipes):
    assert load_pipeline(Source(pipes['checked']), 'cpu').settings['safety_checker']
    without = load_pipeline(Source(pipes['checked'], checked=False), 'cpu')
    assert without.pipeline.safety_checker is None
    assert not without.settings['safety_checker']


@pytest.mark.parametrize('family', ['sdxl', 'sd3'])
def test_other_families_are_recognised_and_split_alike(pipes, tmp_path, family):
    sampler = Sampler(load_pipeline(Source(pipes[family]), 'cpu'), PROMPTS, SMALL)
    assert make(sampler, tmp_path / 'one', 4) == make(sampler, tmp_path / 'two', 4, 2)


def test_label_maps_give_images_with_labels(pipes, tmp_path):
    maps = tmp_path / 'maps'
    maps.mkdir()
    for number, label in enumerate((0, 13)):
        Image.fromarray(np.full((24, 32), label, np.uint8)).save(maps / f'{number}.png')
    source = Source(pipes['sd'], controlnet=pipes['controlnet'])
    loaded = load_pipeline(source, 'cpu')
    assert loaded.settings['pipeline'] == 'StableDiffusionControlNetPipeline'
    sampler = Sampler(loaded, PROMPTS[:1], SMALL, LabelMaps(maps))
    lines = make(sampler, tmp_path / 'set', 3)
    assert [line.label_source for line in lines] == ['0.png', '1.png', '0.png']
    labels = np.asarray(Image.open(tmp_path / 'set' / lines[1].label))
    assert labels.shape == (32, 32)
    assert set(np.unique(labels)) == {13}
    assert lines[1].label == 'labels/im_1_p0_labelTrainIds.png'
    other = Sampler(loaded, PROMPTS[:1], SMALL, LabelMaps(maps, 'ade20k'))
    with pytest.raises(ValueError, match='labels is '):
        Job(tmp_path / 'set', other.settings, 3)


def test_the_label_map_decides_the_image(pipes, tmp_path):
    found = []
    for label in (0, 13):
        maps = tmp_path / str(label)
        maps.mkdir()
        Image.fromarray(np.full((8, 8), label, np.uint8)).save(maps / 'a.png')
        loaded = load_pipeline(Source(pipes['sd'], controlnet=pipes['controlnet']), 'cpu')
        torch.nn.init.normal_(loaded.pipeline.controlnet.controlnet_mid_block.weight)
        sampler = Sampler(loaded, PROMPTS[:1], SMALL, LabelMaps(maps))
        found += sums(make(sampler, tmp_path / f'set{label}', 1))
    assert found[0] != found[1]


def test_label_maps_and_controlnet_come_together_with_a_size(pipes, loaded, tmp_path):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / 'a.png')
    maps = LabelMaps(tmp_path)
    with pytest.raises(ValueError, match='--controlnet and --labels'):
        Sampler(loaded, PROMPTS, SMALL, maps)
    with_net = load_pipeline(Source(pipes['sd'], controlnet=pipes['controlnet']), 'cpu')
    with pytest.raises(ValueError, match='--controlnet and --labels'):
        Sampler(with_net, PROMPTS, SMALL)
    with pytest.raises(ValueError, match='give --size'):
        Sampler(with_net, PROMPTS, Sampling(), maps).draw([0])


def test_an_argument_that_the_pipeline_does_not_take_is_refused(loaded):
    odd = blackened(loaded, {}, flagged=False)
    with pytest.raises(ValueError, match='Blackened does not take negative_prompt'):
        Sampler(odd, PROMPTS, Sampling(negative_prompt='x'))


@pytest.mark.parametrize('change', [{'width': 4}, {'steps': 0}, {'batch': 0}, {'threads': 0}])
def test_numbers_that_mean_nothing_are_refused(change):
    with pytest.raises(ValueError, match=f'{next(iter(change))} is '):
        Sampling(**change)


def test_what_is_no_text_to_image_model_is_refused(pipes, tmp_path):
    folder = Path(shutil.copytree(pipes['sd'], tmp_path / 'sd'))
    index = json.loads((folder / 'model_index.json').read_text())
    for kind in ('StableDiffusionImg2ImgPipeline', 'Nothing', 'DDPMPipeline'):
        (folder / 'model_index.json').write_text(json.dumps({**index, '_class_name': kind}))
        with pytest.raises(ValueError, match=f'is a {kind}, which makes no images'):
            load_pipeline(Source(str(folder)), 'cpu')


def test_unknown_schedulers_attention_and_numbers_are_named(pipes, loaded):
    with pytest.raises(ValueError, match=r"'Euler' is no scheduler .*EulerDiscreteScheduler"):
        load_pipeline(Source(pipes['sd'], scheduler='Euler'), 'cpu')
    with pytest.raises(ValueError, match="dtype='half': use float32, bfloat16, float16"):
        Source(pipes['sd'], dtype='half')
    with pytest.raises(ImportError, match='pip install xformers, or use "sdpa"'):
        use_attention(loaded.pipeline, 'xformers', 'cpu')
    assert use_attention(loaded.pipeline, 'auto', 'cpu') == 'sdpa'
    with pytest.raises(ValueError, match='UNet2DConditionModel, not a ControlNet'):
        load_pipeline(Source(pipes['sd'], controlnet=f'{pipes["sd"]}/unet'), 'cpu')


@pytest.mark.parametrize('name', ['gpu', 'cuda:99'])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(ValueError, match=f"device '{name}'"):
        device_for(name)


def test_a_file_of_weights_that_is_cut_off_is_named(pipes, tmp_path):
    folder = Path(shutil.copytree(pipes['sd'], tmp_path / 'sd'))
    weights = folder / 'unet/diffusion_pytorch_model.safetensors'
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(OSError, match=r'unet/diffusion_pytorch_model.*is cut off, damaged'):
        load_pipeline(Source(str(folder)), 'cpu')


def test_datums_images_are_shared_out_as_recorded():
    recorded = json.loads((REFERENCE / 'generation.json').read_text())
    prompts = from_template('datum')
    places = np.arange(recorded['n_images']) % len(prompts)
    assert np.bincount(places).tolist() == recorded['per_prompt']
    names = [f'im_{k}_p{k % len(prompts)}.png' for k in range(12)]
    assert names == recorded['file_names_first12']
