"""How a generator is personalised: the numbers of it."""

from dataclasses import dataclass

PRECISIONS = {
    'float32': 'no',
    'bfloat16': 'bf16',
    'float16': 'fp16',
}  # and their names in accelerate


@dataclass(frozen=True)
class Prior:
    """Images of the class that the place is one of, so that the generator does not forget it.

    Args:
        prompt: of the class: 'a photo of an urban scene'.
        count: of images, made by the generator as it was.
        weight: of their loss.
    """

    prompt: str
    count: int = 200
    weight: float = 1.0


@dataclass(frozen=True)
class Training:
    """How a generator is personalised; the defaults are DATUM's.

    Args:
        prompt: of the images, with a rare word that will stand for the place.
        steps: of the optimizer.
        save_every: steps between checkpoints that can be sampled from.
        rate: learning rate, constant; that of the tuning where None.
        batch: crops in a step on each process.
        accumulation: batches in a step.
        seed: of all that is drawn.
        text: whether the text encoders learn too.
        precision: 'float32', 'bfloat16' or 'float16' arithmetic; weights are float32.
        checkpointing: whether the backward pass computes activations anew, to save memory.
        samples: pictures of the prompt to draw at every checkpoint, to watch.
        prior: images of the class; None does without.

    Source: Benigmim et al., CVPR-W 2023 (arXiv:2303.18080).
    """

    prompt: str = 'a photo of a sks urban scene'
    steps: int = 1000
    save_every: int = 200
    rate: float | None = None
    batch: int = 1
    accumulation: int = 1
    seed: int = 0
    text: bool = True
    precision: str = 'float32'
    checkpointing: bool = False
    samples: int = 4
    prior: Prior | None = None

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f'precision={self.precision!r}: use {", ".join(PRECISIONS)}')
        for key in ('steps', 'save_every', 'batch', 'accumulation'):
            if getattr(self, key) < 1:
                raise ValueError(f'{key} is {getattr(self, key)}; use 1 or more')
