"""Images from prompts: the same ones however the work is split, stopped and taken up again."""

import hashlib
import inspect
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from rein.datasets.png import encode_labels
from rein.generation.conditions import LabelMaps
from rein.generation.manifest import IMAGES, LABEL_ENDING, LABELS, Job, Made, digest
from rein.generation.pipelines import Loaded
from rein.generation.prompts import Prompt
from rein.runtime.files import replace_file
from rein.runtime.seeds import mixed_seed

# Arguments of a pipeline's call by our names; None leaves the pipeline's own value.
ARGUMENTS = {
    'width': 'width',
    'height': 'height',
    'steps': 'num_inference_steps',
    'guidance': 'guidance_scale',
    'negative_prompt': 'negative_prompt',
    'control': 'controlnet_conditioning_scale',
}
_LEAST = {
    'width': 8,
    'height': 8,
    'steps': 1,
    'batch': 1,
    'seed': 0,
    'redraws': 0,
    'threads': 1,
}


@dataclass(frozen=True)
class Sampling:
    """How images are drawn; None leaves what the pipeline does by itself.

    Args:
        width: pixels; a multiple of 8 for most models.
        height: likewise.
        steps: of the scheduler.
        guidance: scale of classifier-free guidance.
        negative_prompt: what is not to be seen.
        batch: images in one call. Numbers that depend on it in the last bit decide pixels, so it
            is one of the settings of a set.
        seed: another one gives other images of the same prompts.
        redraws: times that an image is drawn anew which came out black or which the safety
            checker took away.
        control: weight of the label map, with a ControlNet.
        threads: of a CPU, whose number decides the last bit of sums, and launchers differ in it; a
            GPU has no such setting.
    """

    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    negative_prompt: str | None = None
    batch: int = 1
    seed: int = 0
    redraws: int = 10
    control: float | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        for key, least in _LEAST.items():
            value = getattr(self, key)
            if value is not None and value < least:
                raise ValueError(f'{key} is {value}; use {least} or more')


class Sampler:
    """Draws the images of a set.

    Image j is of prompt j mod their number. Its noise comes from the set's seed, the prompt's,
    how many images of the prompt there are before, and how often it was drawn anew; it is drawn
    on the CPU, so it is the same on any device. Images are drawn in fixed groups of ``batch``.

    Args:
        loaded: the pipeline.
        prompts: of the set.
        sampling: how to draw.
        maps: label maps to draw from, where the pipeline has a ControlNet.

    Raises:
        ValueError: the pipeline does not take an argument, or label maps and ControlNet do not
            come together.
    """

    def __init__(
        self,
        loaded: Loaded,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        maps: LabelMaps | None = None,
    ) -> None:
        self.loaded, self.prompts, self.sampling, self.maps = loaded, prompts, sampling, maps
        if (maps is None) == ('controlnet' in loaded.settings):
            raise ValueError(
                'label maps and a ControlNet belong together: give --controlnet and --labels'
            )
        given = {key: getattr(sampling, key) for key in ARGUMENTS}
        self._keywords = {ARGUMENTS[k]: v for k, v in given.items() if v is not None}
        unknown = self._keywords.keys() - loaded.takes
        if unknown:
            raise ValueError(
                f'{type(loaded.pipeline).__name__} does not take {", ".join(sorted(unknown))}; '
                'leave it out'
            )

    @property
    def _on_cpu(self) -> bool:
        return self.loaded.pipeline.device.type == 'cpu'

    @property
    def settings(self) -> dict:
        """What decides every image, plain data."""
        known = inspect.signature(self.loaded.pipeline.__call__).parameters
        drawn = {
            key: self._keywords.get(name, known[name].default)
            for key, name in ARGUMENTS.items()
            if name in known
        }
        listed = [[p.prompt, p.seed] for p in self.prompts]
        found = {**self.loaded.settings, **drawn, 'batch': self.sampling.batch}
        found |= {'seed': self.sampling.seed, 'redraws': self.sampling.redraws}
        found['prompts'] = {'number': len(listed), 'sha256': digest({'listed': listed})}
        if self._on_cpu:
            found['threads'] = self.sampling.threads
        if self.maps is not None:
            found['labels'] = {'sha256': self.maps.fingerprint, 'colours': self.maps.colours}
        return found

    def make(self, job: Job, part: int = 0, parts: int = 1) -> Iterator[Made]:
        """Make the images of a job that are not there yet, and write them.

        Args:
            job: the set.
            part: the share of the groups to make, from 0.
            parts: number of shares.

        Yields:
            Each image as soon as it is on the disk.
        """
        for numbers, wanted in self._groups(job, part, parts):
            for number, drawn in zip(numbers, self.draw(numbers), strict=True):
                if number in wanted:
                    line = self._write(job, number, drawn)
                    job.add(line)
                    yield line

    def waiting(self, job: Job, part: int = 0, parts: int = 1) -> int:
        """Number of images that ``make`` has to make."""
        return sum(len(wanted) for _, wanted in self._groups(job, part, parts))

    def _groups(self, job: Job, part: int, parts: int) -> Iterator[tuple[range, list[int]]]:
        """Numbers that are drawn in one call, and those of them that are not there yet."""
        batch = self.sampling.batch
        for first in range(part * batch, job.count, parts * batch):
            numbers = range(first, first + batch)
            wanted = [n for n in numbers if n < job.count and n not in job.done]
            if wanted:
                yield numbers, wanted

    def draw(self, numbers: Sequence[int]) -> list[tuple[Image.Image | None, int]]:
        """Draw images of these numbers, in one call of the pipeline.

        Returns:
            Each image with how often it was drawn anew; None where all of them came to nothing.
        """
        drawn = [(image, 0) for image in self._call(numbers, 0)]
        for place, number in enumerate(numbers):
            for attempt in range(1, self.sampling.redraws + 1):
                if drawn[place][0] is not None:
                    break
                drawn[place] = (self._call([number], attempt)[0], attempt)
        return drawn

    def _call(self, numbers: Sequence[int], attempt: int) -> list[Image.Image | None]:
        """Ask the pipeline; None for what is black or was taken away by the safety checker."""
        keywords = dict(self._keywords)
        if 'negative_prompt' in keywords:
            keywords['negative_prompt'] = [keywords['negative_prompt']] * len(numbers)
        if self.maps is not None:
            sized = [self._labels(number) for number in numbers]
            name = 'control_image' if 'control_image' in self.loaded.takes else 'image'
            keywords[name] = [self.maps.picture(labels) for labels in sized]
        threads = self.sampling.threads if self._on_cpu else torch.get_num_threads()
        with torch.no_grad(), _threads(threads):
            answer = self.loaded.pipeline(
                prompt=[self._prompt(number).prompt for number in numbers],
                generator=[
                    torch.Generator().manual_seed(self.seed(number, attempt)) for number in numbers
                ],
                **keywords,
            )
        taken = getattr(answer, 'nsfw_content_detected', None) or [False] * len(numbers)
        pairs = zip(answer.images, taken, strict=True)
        return [None if flag or _is_black(image) else image for image, flag in pairs]

    def seed(self, number: int, attempt: int = 0) -> int:
        """Seed of an image's noise."""
        turn, place = divmod(number, len(self.prompts))
        return mixed_seed(self.sampling.seed, self.prompts[place].seed, turn, attempt)

    def _prompt(self, number: int) -> Prompt:
        return self.prompts[number % len(self.prompts)]

    def _labels(self, number: int) -> np.ndarray:
        size = self.sampling.width, self.sampling.height
        if None in size:
            raise ValueError('images from label maps need their size: give --size WIDTH HEIGHT')
        return self.maps.labels(number, size)

    def _write(self, job: Job, number: int, drawn: tuple[Image.Image | None, int]) -> Made:
        image, redraws = drawn
        prompt = self._prompt(number)
        name = f'im_{number}_p{number % len(self.prompts)}'
        line = {
            'number': number,
            'file': '',
            'prompt': prompt.prompt,
            'classes': prompt.classes,
            'seed': self.seed(number, redraws),
            'model': self.loaded.files.name,
            'revision': self.loaded.files.revision,
            'settings': job.digest,
            'redraws': redraws,
        }
        if image is None:
            return Made(**line, refused='black, or taken away by the safety checker')
        if self.maps is not None:
            line['label'] = f'{LABELS}/{name}{LABEL_ENDING}'
            content = encode_labels(self.maps.labels(number, image.size))
            replace_file(job.folder / line['label'], content)
            line['label_sha256'] = hashlib.sha256(content).hexdigest()
            line['label_source'] = self.maps.source(number)
        buffer = io.BytesIO()
        image.convert('RGB').save(buffer, 'PNG')
        content = buffer.getvalue()
        line['file'] = f'{IMAGES}/{name}.png'
        replace_file(job.folder / line['file'], content)
        return Made(**line, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def _is_black(image: Image.Image) -> bool:
    return max(high for _, high in image.convert('RGB').getextrema()) == 0


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
