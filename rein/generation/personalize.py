"""A generator learns one place from one or a few images: DreamBooth, resumed exactly."""

import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from rein.generation.instances import Instances
from rein.generation.manifest import IMAGES, Job
from rein.generation.model_files import EXTRA, LORA
from rein.generation.objectives import Batch, DenoisingLoss, objective_of
from rein.generation.pipelines import RECORD, Loaded, quiet
from rein.generation.prompts import Prompt
from rein.generation.sample import Sampler, Sampling
from rein.generation.training import PRECISIONS, Training
from rein.generation.tuning import FullTuning, LowRankTuning
from rein.hooks.atomic import write_atomically
from rein.runtime.claims import claim
from rein.runtime.files import PART, replace_file, sha256
from rein.runtime.seeds import mixed_seed

if TYPE_CHECKING:
    from accelerate import Accelerator

STATE = 'state.pth'
LOG = 'log.jsonl'
SETTINGS = 'settings.json'


class Personalizer:
    """Trains a pipeline on a place and writes checkpoints, pictures and a log.

    ``out`` gets ``step_<n>`` folders to sample from, ``samples/step_<n>.png``, ``log.jsonl`` and
    ``state.pth``, from which the same command goes on. What a step draws follows from the seed,
    the step and the process alone.

    Args:
        loaded: pipeline in float32; it is changed.
        instances: the images.
        out: folder.
        training: how.
        tuning: what learns.

    Raises:
        ValueError: the pipeline cannot be trained, or ``out`` holds another training.
        ImportError: the extra 'generate' is not installed.
    """

    def __init__(
        self,
        loaded: Loaded,
        instances: Instances,
        out: Path,
        training: Training,
        tuning: FullTuning | LowRankTuning,
    ) -> None:
        self.loaded, self.instances, self.out = loaded, instances, Path(out)
        self.training, self.tuning = training, tuning
        if (loaded.files.folder / LORA).is_file():
            raise ValueError(
                f'{loaded.files.name} has low-rank weights for another pipeline: personalise that'
            )
        self.accelerator = _accelerator(loaded, training.precision)
        self.loss = objective_of(loaded.pipeline)
        self.settings = self._settings()
        self._claim()
        self.class_images = self._class_images()
        self.parts = [self.loss.DENOISER]
        if training.text:
            self.parts += [name for name in self.loss.ENCODERS if name in self.loss.parts]
        torch.manual_seed(mixed_seed(training.seed))  # for what tuning adds
        self.learning = tuning.prepare(self.loss, self.parts)
        if training.checkpointing:
            _checkpoint_activations(self.loss)
        rate = tuning.RATE if training.rate is None else training.rate
        optimizer = torch.optim.AdamW(self.learning, lr=rate, weight_decay=1e-2)
        self.model, self.optimizer = self.accelerator.prepare(self.loss, optimizer)
        self.step = 0
        self._resume()

    @property
    def is_main_process(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.accelerator.is_main_process

    def _settings(self) -> dict:
        """What decides the result; the number of steps may grow, since the rate is constant."""
        found = asdict(self.training)
        for key in ('steps', 'save_every', 'checkpointing', 'samples'):
            found.pop(key)
        files = {path.name: sha256(path) for path in self.instances.files}
        return {
            'base_revision': self.loaded.files.revision,
            'tuning': {'type': self.tuning.NAME, **asdict(self.tuning)},
            **found,
            'images': files,
            'resolution': self.instances.resolution,
            'crop': self.instances.crop,
            'processes': self.accelerator.num_processes,
        }

    def _claim(self) -> None:
        """Make the folder that of this training, unless there are steps of another one."""
        if self.is_main_process and not (self.out / STATE).is_file():
            for name in (
                SETTINGS,
                LOG,
            ):  # of a training that was stopped before its first checkpoint
                (self.out / name).unlink(missing_ok=True)
        self.accelerator.wait_for_everyone()
        mend = 'take another --out, or remove the folder'
        claim(self.out / SETTINGS, self.settings, 'a generator', mend)

    def run(self) -> Iterator[float]:
        """Train to the last step; yields the loss of each."""
        training = self.training
        if self.step == 0 and self.is_main_process:
            self._draw_samples()
        while self.step < training.steps:
            loss = self._train_step()
            self.step += 1
            last = self.step == training.steps
            if self.is_main_process:
                self._log(loss)
            if last or self.step % training.save_every == 0:
                if self.is_main_process:
                    self._save()
                self.accelerator.wait_for_everyone()
            yield loss

    def _train_step(self) -> float:
        """One step of the optimizer; returns the mean loss of its crops on this process."""
        training, total = self.training, 0.0
        self.loss.parts.train()
        for number in range(training.accumulation):
            place = self.accelerator.process_index
            seed = mixed_seed(training.seed, self.step, number, place)
            torch.manual_seed(seed)  # for dropout, where a model has it
            draw = torch.Generator().manual_seed(seed)
            crops = self.instances.batch(training.batch, draw)
            prompts, weights = [training.prompt] * len(crops), [1.0] * len(crops)
            if self.class_images is not None:
                crops += self.class_images.batch(training.batch, draw)
                prompts += [training.prior.prompt] * training.batch
                weights += [training.prior.weight] * training.batch
            loss = self._backward(Batch(crops, prompts), torch.tensor(weights), draw, number)
            total += loss / training.accumulation
        self.accelerator.clip_grad_norm_(self.learning, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total

    def _backward(self, batch: Batch, weights: Tensor, draw: torch.Generator, number: int) -> float:
        """Add the gradient of a batch; gradients of several processes meet in the last one."""
        last = number + 1 == self.training.accumulation
        with nullcontext() if last else self.accelerator.no_sync(self.model):
            with self.accelerator.autocast():
                errors = self.model(batch, draw)
            loss = (errors * weights.to(errors)).sum() / self.training.batch
            self.accelerator.backward(loss / self.training.accumulation)
        return float(loss.detach())

    def _class_images(self) -> Instances | None:
        """Images of the class, made by the pipeline as it is."""
        prior, side = self.training.prior, self.instances.crop
        if prior is None:
            return None
        sampling = Sampling(width=side, height=side, seed=self.training.seed)
        sampler = Sampler(self.loaded, [Prompt(prior.prompt)], sampling)
        job = Job(self.out / 'class_images', sampler.settings, prior.count)
        share = self.accelerator.process_index, self.accelerator.num_processes
        bar = tqdm(
            total=sampler.waiting(job, *share),
            desc='images of the class',
            unit='image',
            disable=not self.is_main_process,
        )
        with bar, self._drawing():
            for _ in sampler.make(job, *share):
                bar.update()
        self.accelerator.wait_for_everyone()
        if self.is_main_process:
            job.finish({})
        self.accelerator.wait_for_everyone()
        return Instances(self.out / 'class_images' / IMAGES, side, side)

    def _save(self) -> None:
        """Write a checkpoint to sample from, pictures of it, and the state to go on from."""
        folder = self.out / f'step_{self.step}'
        part = folder.with_name(f'.{folder.name}.{uuid4().hex}')
        with quiet():
            self.tuning.write(self.loaded.pipeline, part, self.parts)
        record = {'base': self.loaded.files.name, **self.settings, 'step': self.step}
        replace_file(part / RECORD, (json.dumps(record, indent=2) + '\n').encode())
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
        self._draw_samples()
        scaler = self.accelerator.scaler
        state = {
            'step': self.step,
            'learned': {name: value.detach() for name, value in self._named()},
            'optimizer': self.optimizer.state_dict(),
            'scaler': None if scaler is None else scaler.state_dict(),
        }
        torch.save(state, self.out / f'{STATE}{PART}')
        os.replace(self.out / f'{STATE}{PART}', self.out / STATE)

    def _named(self) -> list[tuple[str, Tensor]]:
        return [(name, p) for name, p in self.loss.named_parameters() if p.requires_grad]

    def _resume(self) -> None:
        """Go on from the state that an earlier call left."""
        path = self.out / STATE
        if self.is_main_process:
            for part in self.out.glob('.step_*'):  # of a checkpoint that a kill cut off
                shutil.rmtree(part)
        if not path.is_file():
            return
        state = torch.load(path, map_location='cpu', weights_only=True)
        with torch.no_grad():
            for name, value in self._named():
                value.copy_(state['learned'][name])
        self.optimizer.load_state_dict(state['optimizer'])
        if state['scaler'] is not None:
            self.accelerator.scaler.load_state_dict(state['scaler'])
        self.step = state['step']
        if self.is_main_process:
            lines = (self.out / LOG).read_text().splitlines()[: self.step]
            write_atomically(self.out / LOG, ''.join(f'{line}\n' for line in lines).encode())

    def _log(self, loss: float) -> None:
        with (self.out / LOG).open('a') as file:
            file.write(json.dumps({'step': self.step, 'loss': round(loss, 6)}) + '\n')

    def _drawing(self) -> AbstractContextManager:
        """Arithmetic for pictures; some autoencoders overflow in float16, and all is black."""
        half = self.training.precision == 'bfloat16'
        return self.accelerator.autocast() if half else nullcontext()

    @torch.no_grad()
    def _draw_samples(self) -> None:
        """Pictures of the prompt, with the same noise each time."""
        count, side = self.training.samples, self.instances.crop
        if not count:
            return
        self.loss.parts.eval()
        sampling = Sampling(width=side, height=side, batch=count, redraws=0)
        sampler = Sampler(self.loaded, [Prompt(self.training.prompt)], sampling)
        with self._drawing():
            drawn = sampler.draw(range(count))
        columns = math.ceil(math.sqrt(count))
        grid = Image.new('RGB', (columns * side, -(-count // columns) * side))
        for number, (image, _) in enumerate(drawn):
            if image is not None:
                grid.paste(image, (number % columns * side, number // columns * side))
        path = self.out / 'samples' / f'step_{self.step}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        grid.save(path)


def _accelerator(loaded: Loaded, precision: str) -> 'Accelerator':
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError as error:
        raise ImportError(f'accelerate is not installed: {EXTRA}') from error
    # The last layers of some text encoders have no part in the prompt.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(
        cpu=loaded.pipeline.device.type == 'cpu',
        mixed_precision=PRECISIONS[precision],
        kwargs_handlers=[unused],
    )


def _checkpoint_activations(loss: DenoisingLoss) -> None:
    for name, part in loss.parts.items():
        if name == loss.DENOISER:
            part.enable_gradient_checkpointing()
        else:
            # The older name is deprecated in later releases of transformers 5.
            enable = getattr(part, 'activation_checkpointing_enable', None)
            (enable or part.gradient_checkpointing_enable)({'use_reentrant': False})
