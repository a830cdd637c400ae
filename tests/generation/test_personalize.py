"""Crops, losses and trainings of generators: exact after a kill, readable by diffusers."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_pipelines
import torch
from PIL import Image

from rein.generation.instances import Crop, Instances
from rein.generation.manifest import read_manifest
from rein.generation.objectives import Batch, DiffusionLoss, FlowLoss, objective_of
from rein.generation.personalize import LOG, Personalizer
from rein.generation.pipelines import RECORD, Source, load_pipeline
from rein.generation.training import Prior, Training
from rein.generation.tuning import FullTuning, LowRankTuning

TUNINGS = {'full': FullTuning(), 'lora': LowRankTuning(2)}


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 80, 3), np.uint8)
    path = tmp_path / 'target.png'
    Image.fromarray(pixels).save(path)
    return path


# Crops


def test_an_image_of_the_resolution_is_only_cut(photo):
    crop = Instances(photo, 40, 32).cut(draw())
    top, left = crop.corner
    whole = np.asarray(Image.open(photo), np.float32) / 127.5 - 1
    expected = whole[top : top + 32, left : left + 32].transpose(2, 0, 1)
    np.testing.assert_allclose(crop.pixels, expected, atol=1e-6)
    assert crop.image == (40, 80)


def test_the_shorter_side_is_made_the_resolution(photo):
    assert Instances(photo, 64, 64).cut(draw()).image == (64, 128)
    assert Instances(photo, 16, 16).cut(draw()).image == (16, 32)


def test_crops_come_from_everywhere_and_from_every_image(photo, tmp_path):
    Image.new('RGB', (40, 40)).save(tmp_path / 'black.png')
    generator, instances = draw(), Instances(tmp_path, 40, 32)
    crops = [instances.cut(generator) for _ in range(200)]
    tops, lefts = ({c.corner[k] for c in crops if c.image == (40, 80)} for k in (0, 1))
    assert tops == set(range(9))
    assert min(lefts) < 4 < 44 < max(lefts) <= 48
    assert 60 < sum(c.image == (40, 40) for c in crops) < 140


def test_an_image_is_turned_upright_as_its_exif_data_say(tmp_path):
    image = Image.new('RGB', (80, 40))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / 'a.jpg', exif=exif)
    assert Instances(tmp_path / 'a.jpg', 40, 32).cut(draw()).image == (80, 40)


def test_images_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(ValueError, match='crop is 48; use a multiple of 8, at most the resolution'):
        Instances(tmp_path, 40, 48)
    with pytest.raises(FileNotFoundError, match=r'no image \(\.png'):
        _ = Instances(tmp_path, 40, 32).files
    with pytest.raises(FileNotFoundError, match='no image or folder of images'):
        _ = Instances(tmp_path / 'none', 40, 32).files
    (tmp_path / 'a.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'image .*a\.png cannot be decoded'):
        Instances(tmp_path, 40, 32).cut(draw())


# Losses


def batch(*prompts, side=16):
    drawn = [torch.rand(3, side, side, generator=draw(k)) for k in range(len(prompts))]
    return Batch([Crop(pixels * 2 - 1, (side, side), (0, 0)) for pixels in drawn], prompts)


class Knowing(torch.nn.Module):
    """A denoiser that is told what to find."""

    def forward(self, noisy, *_, timestep=None, **__):
        self.asked = noisy
        return SimpleNamespace(sample=self.answer)


def test_the_noise_is_what_the_denoiser_of_stable_diffusion_has_to_find(monkeypatch):
    loss = objective_of(tiny_pipelines.stable_diffusion())
    assert type(loss) is DiffusionLoss
    latents, noise = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    loss.parts['unet'] = Knowing()
    loss.denoiser.answer = noise + 0.5
    error = loss.error(latents, noise, batch('a', 'b'), draw(3))
    torch.testing.assert_close(error, torch.full_like(error, 0.25))
    time = torch.randint(1000, (2,), generator=draw(3))
    kept = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64).square()
    kept = (1 - kept).cumprod(0)[time].view(2, 1, 1, 1)
    expected = kept.sqrt() * latents + (1 - kept).sqrt() * noise
    torch.testing.assert_close(loss.denoiser.asked, expected.float(), atol=1e-5, rtol=1e-5)


def test_a_model_of_velocities_has_to_find_those():
    loss = objective_of(tiny_pipelines.stable_diffusion(prediction='v_prediction'))
    latents, noise = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    time = int(torch.randint(1000, (1,), generator=draw(3)))
    kept = float(loss.scheduler.alphas_cumprod[time])
    loss.parts['unet'] = Knowing()
    loss.denoiser.answer = kept**0.5 * noise - (1 - kept) ** 0.5 * latents
    error = loss.error(latents, noise, batch('a'), draw(3))
    torch.testing.assert_close(error, torch.zeros_like(error), atol=1e-10, rtol=0)


def test_the_flow_from_image_to_noise_at_a_shifted_time():
    loss = objective_of(tiny_pipelines.stable_diffusion_3())
    assert type(loss) is FlowLoss
    latents, noise = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    loss.parts['transformer'] = Knowing()
    loss.denoiser.answer = noise - latents
    error = loss.error(latents, noise, batch('a', 'b'), draw(3))
    assert error.abs().max() == 0
    share = torch.randn(2, generator=draw(3)).sigmoid()
    share = (3 * share / (1 + 2 * share)).view(2, 1, 1, 1)  # the schedule's shift is 3
    torch.testing.assert_close(loss.denoiser.asked, (1 - share) * latents + share * noise)


@pytest.mark.parametrize('family', ['sd', 'sd3'])
def test_latents_are_scaled_samples_of_the_autoencoder(family):
    loss = objective_of(tiny_pipelines.FAMILIES[family]())
    pixels = torch.rand(2, 3, 16, 16) * 2 - 1
    found = loss.vae.encode(pixels).latent_dist
    expected = found.mean + found.std * torch.randn(found.mean.shape, generator=draw(1))
    expected = (expected - (0.06 if family == 'sd3' else 0)) * 0.18215
    torch.testing.assert_close(loss.encode(pixels, draw(1)), expected)


def test_xl_is_told_sizes_and_corners():
    loss = objective_of(tiny_pipelines.stable_diffusion_xl())
    pipeline, told = loss.pipeline, []
    pipeline.unet.register_forward_pre_hook(
        lambda _, args, kwargs: told.append(kwargs['added_cond_kwargs']['time_ids']),
        with_kwargs=True,
    )
    crop = Crop(torch.zeros(3, 16, 16), (64, 96), (5, 7))
    assert loss(Batch([crop], ['a']), draw()).shape == (1,)
    assert told[0].tolist() == [[64, 96, 5, 7, 16, 16]]


@pytest.mark.parametrize('family', tiny_pipelines.FAMILIES)
def test_denoiser_and_text_encoders_get_gradients_and_the_autoencoder_none(family):
    loss = objective_of(tiny_pipelines.FAMILIES[family]())
    TUNINGS['full'].prepare(loss, list(loss.parts))
    loss(batch('a car', 'a bus'), draw()).sum().backward()
    for name, part in loss.parts.items():
        assert any(p.grad is not None and p.grad.norm() > 0 for p in part.parameters()), name
    assert all(p.grad is None and not p.requires_grad for p in loss.vae.parameters())


def test_parts_that_never_learn_are_frozen_too():
    pipeline = tiny_pipelines.stable_diffusion_3()
    pipeline.text_encoder_3 = torch.nn.Linear(1, 1)
    loss = objective_of(pipeline)
    TUNINGS['full'].prepare(loss, list(loss.parts))
    assert not pipeline.text_encoder_3.weight.requires_grad


def test_another_family_is_refused():
    odd = SimpleNamespace(components={'transformer': object(), 'vae': object()})
    with pytest.raises(ValueError, match='has transformer, vae; models of the families'):
        objective_of(odd)


# Trainings


def trainer(pipes, photo, out, tuning='full', family='sd', **changes):
    settings = {'steps': 4, 'save_every': 2, 'rate': 1e-3, 'samples': 0, **changes}
    loaded = load_pipeline(Source(pipes[family]), 'cpu')
    return Personalizer(
        loaded, Instances(photo, 40, 32), out, Training(**settings), TUNINGS[tuning]
    )


def learned(trained):
    return {n: p.detach().clone() for n, p in trained.loss.named_parameters() if p.requires_grad}


def picture(pipeline):
    return pipeline(
        'a b',
        num_inference_steps=2,
        height=32,
        width=32,
        generator=draw(),
        output_type='np',
    ).images


@pytest.mark.parametrize('tuning', TUNINGS)
@pytest.mark.parametrize('family', tiny_pipelines.FAMILIES)
def test_what_was_learned_is_written_read_and_gone_on_with_exactly(
    pipes, photo, tmp_path, tuning, family
):
    whole = trainer(pipes, photo, tmp_path / 'whole', tuning, family)
    before = picture(whole.loaded.pipeline)
    losses = list(whole.run())
    whole.loss.eval()
    after = picture(whole.loaded.pipeline)
    read = load_pipeline(Source(str(tmp_path / 'whole/step_4')), 'cpu')
    np.testing.assert_array_equal(picture(read.pipeline), after)
    assert np.abs(after - before).max() > 1e-4

    first = list(trainer(pipes, photo, tmp_path / 'cut', tuning, family, steps=2).run())
    rest = trainer(pipes, photo, tmp_path / 'cut', tuning, family)
    assert rest.step == 2
    assert first + list(rest.run()) == losses
    for name, value in learned(whole).items():
        assert torch.equal(value, learned(rest)[name]), name
    lines = [json.loads(x) for x in (tmp_path / 'cut' / LOG).read_text().splitlines()]
    assert [line['step'] for line in lines] == [1, 2, 3, 4]


def test_steps_after_the_last_checkpoint_are_done_again(pipes, photo, tmp_path):
    whole = list(trainer(pipes, photo, tmp_path / 'whole').run())
    cut = trainer(pipes, photo, tmp_path / 'cut').run()
    assert [next(cut) for _ in range(3)] == whole[:3]
    (tmp_path / 'cut/.step_4.half').mkdir()
    again = trainer(pipes, photo, tmp_path / 'cut')
    assert list(again.run()) == whole[2:]
    assert len((tmp_path / 'cut' / LOG).read_text().splitlines()) == 4
    assert not list((tmp_path / 'cut').glob('.step*'))


def test_each_step_takes_a_fresh_crop(pipes, photo, tmp_path):
    seen = []
    training = trainer(pipes, photo, tmp_path / 'out', steps=3)
    cut = training.instances.cut
    object.__setattr__(training.instances, 'cut', lambda g: seen.append(cut(g)) or seen[-1])
    list(training.run())
    assert len({crop.corner for crop in seen}) == 3


def test_the_error_on_the_image_falls(pipes, photo, tmp_path):
    training = trainer(pipes, photo, tmp_path, steps=40, save_every=40, rate=3e-3)

    @torch.no_grad()
    def error():
        generator = draw(99)
        cut = training.instances.batch(16, generator)
        return float(training.loss(Batch(cut, [training.training.prompt] * 16), generator).mean())

    before = error()
    list(training.run())
    assert error() < 0.9 * before


def test_only_the_denoiser_learns_when_asked(pipes, photo, tmp_path):
    training = trainer(pipes, photo, tmp_path, text=False)
    assert all(name.startswith('parts.unet.') for name in learned(training))
    both = trainer(pipes, photo, tmp_path / 'both')
    assert any(name.startswith('parts.text_encoder.') for name in learned(both))


def test_the_first_step_is_adamw_with_clipped_gradients(pipes, photo, tmp_path):
    training = trainer(pipes, photo, tmp_path, steps=1, rate=1e-3)
    before = learned(training)
    list(training.run())
    for name, value in learned(training).items():
        moved = (value - before[name] * (1 - 1e-3 * 1e-2)).abs()
        assert moved.max() <= 1e-3 * 1.001, name  # the first step of Adam is the rate, or less


def test_images_of_the_class_are_made_once_and_weigh_as_said(pipes, photo, tmp_path):
    prior = Prior('a photo of an urban scene', count=3, weight=0.5)
    with_prior = trainer(pipes, photo, tmp_path / 'out', steps=1, prior=prior)
    manifest = read_manifest(tmp_path / 'out/class_images')
    assert {line.prompt for line in manifest.images} == {prior.prompt}
    assert len(manifest.images) == 3
    seen = []
    loss = with_prior.loss
    loss.register_forward_hook(
        lambda _, args, errors: seen.append((args[0].prompts, errors.detach()))
    )
    (total,) = with_prior.run()
    (prompts, errors) = seen[0]
    assert prompts == [with_prior.training.prompt, prior.prompt]
    assert total == pytest.approx(float(errors[0] + 0.5 * errors[1]))


def test_accumulated_batches_are_averaged(pipes, photo, tmp_path):
    training = trainer(pipes, photo, tmp_path, steps=1, accumulation=3)
    seen = []
    training.loss.register_forward_hook(
        lambda _, args, errors: seen.append(float(errors.detach().mean()))
    )
    (total,) = training.run()
    assert total == pytest.approx(np.mean(seen))
    assert len(set(seen)) == 3


def test_checkpointed_activations_give_the_same_training(pipes, photo, tmp_path):
    plain = list(trainer(pipes, photo, tmp_path / 'plain', steps=2).run())
    saving = list(trainer(pipes, photo, tmp_path / 'saving', steps=2, checkpointing=True).run())
    assert saving == pytest.approx(plain, rel=1e-5)


def test_pictures_of_the_prompt_are_drawn_as_it_trains(pipes, photo, tmp_path):
    list(trainer(pipes, photo, tmp_path, steps=2, samples=3).run())
    before, after = (Image.open(tmp_path / f'samples/step_{k}.png') for k in (0, 2))
    assert before.size == after.size == (64, 64)
    assert np.abs(np.asarray(before, float) - np.asarray(after, float)).max() > 0


def test_another_training_is_not_mixed_into_a_folder(pipes, photo, tmp_path):
    list(trainer(pipes, photo, tmp_path, steps=2).run())
    with pytest.raises(ValueError, match=r'holds a generator .*rate is 0\.001 there and 0\.01'):
        trainer(pipes, photo, tmp_path, rate=0.01)
    Image.new('RGB', (80, 40)).save(photo)
    with pytest.raises(ValueError, match='images is '):
        trainer(pipes, photo, tmp_path)


def test_a_training_that_failed_before_its_first_checkpoint_leaves_no_mark(pipes, photo, tmp_path):
    cut = trainer(pipes, photo, tmp_path / 'cut', rate=0.5).run()
    next(cut)
    again = trainer(pipes, photo, tmp_path / 'cut', steps=2)
    assert list(again.run()) == list(trainer(pipes, photo, tmp_path / 'new', steps=2).run())
    assert len((tmp_path / 'cut' / LOG).read_text().splitlines()) == 2


def test_low_rank_weights_are_never_put_on_other_ones(pipes, photo, tmp_path):
    list(trainer(pipes, photo, tmp_path, 'lora', steps=2).run())
    folder = tmp_path / 'step_2'
    record = json.loads((folder / RECORD).read_text())
    assert (record['base'], record['step']) == (pipes['sd'], 2)
    (folder / RECORD).write_text(json.dumps({**record, 'base': pipes['checked']}))
    with pytest.raises(ValueError, match=r'was trained on .* put the former back'):
        load_pipeline(Source(str(folder)), 'cpu')
    (folder / RECORD).unlink()
    with pytest.raises(FileNotFoundError, match=rf'no {RECORD} that says what they belong to'):
        load_pipeline(Source(str(folder)), 'cpu')


def test_low_rank_weights_are_not_trained_upon(pipes, photo, tmp_path):
    list(trainer(pipes, photo, tmp_path / 'a', 'lora', steps=2).run())
    with pytest.raises(ValueError, match='low-rank weights for another pipeline'):
        trainer({'sd': str(tmp_path / 'a/step_2')}, photo, tmp_path / 'b')


@pytest.mark.parametrize('change', [{'steps': 0}, {'batch': 0}, {'precision': 'half'}])
def test_settings_that_mean_nothing_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        Training(**change)
