"""Time and memory of a generator of real size: python tools/benchmark_generation.py --help.

Stable Diffusion 1 with random weights: time and memory do not depend on them, so nothing is
downloaded. One piece of work a call, since the peak of a process' memory never falls.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from rein.benchmarks.stopwatch import peak_gigabytes
from rein.generation.instances import Instances
from rein.generation.manifest import Job
from rein.generation.model_files import ModelFiles
from rein.generation.personalize import Personalizer
from rein.generation.pipelines import DTYPES, Loaded, device_for, quiet
from rein.generation.prompts import from_template
from rein.generation.sample import Sampler, Sampling
from rein.generation.training import PRECISIONS, Training
from rein.generation.tuning import TUNINGS
from rein.runtime.failures import Guard

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

WORK = ('images', *TUNINGS)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    main.add_argument('work', choices=WORK, help='images, or personalising all or by LoRA')
    main.add_argument('--repeat', type=int, default=3, help='calls or steps, after one to warm up')
    main.add_argument('--size', type=int, default=512, help='of images or crops, pixels')
    main.add_argument('--batch', type=int, default=1, help='images in a call, crops in a step')
    main.add_argument('--steps', type=int, default=50, help='images: of the scheduler')
    main.add_argument('--dtype', choices=DTYPES, default='float32', help='images: of the weights')
    main.add_argument('--precision', choices=PRECISIONS, default='float32', help='of a step')
    main.add_argument('--checkpointing', action='store_true', help='of a step: less memory')
    main.add_argument('--device', help='cpu or cuda; the GPU if there is one by default')
    main.add_argument('--debug', action='store_true', help='show where an error comes from')
    return main


def letters() -> 'CLIPTokenizer':
    """A tokenizer whose words are the letters; 188 begins a text and 189 ends it."""
    from transformers import CLIPTokenizer

    alone = [chr(code) for code in range(33, 127)]
    words = [*alone, *(f'{c}</w>' for c in alone), '<|startoftext|>', '<|endoftext|>']
    return CLIPTokenizer(
        vocab={word: k for k, word in enumerate(words)}, merges=[], model_max_length=77
    )


def stable_diffusion_1(dtype: torch.dtype, device: str) -> Loaded:
    """The networks of Stable Diffusion 1, with the letters as words."""
    import diffusers
    import transformers

    ends = {'bos_token_id': 188, 'eos_token_id': 189, 'pad_token_id': 189}
    config = transformers.CLIPTextConfig(
        hidden_size=768, intermediate_size=3072, num_attention_heads=12, **ends
    )
    blocks = {'down_block_types': ('DownEncoderBlock2D',) * 4}
    blocks |= {'up_block_types': ('UpDecoderBlock2D',) * 4}
    with quiet():
        pipeline = diffusers.StableDiffusionPipeline(
            vae=diffusers.AutoencoderKL(
                block_out_channels=(128, 256, 512, 512), layers_per_block=2, **blocks
            ),
            text_encoder=transformers.CLIPTextModel(config),
            tokenizer=letters(),
            unet=diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=768),
            scheduler=diffusers.DDIMScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule='scaled_linear',
                clip_sample=False,
                set_alpha_to_one=False,
                steps_offset=1,
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        ).to(device, dtype)
    pipeline.set_progress_bar_config(disable=True)
    return Loaded(pipeline, ModelFiles('random', Path(), 'random'), {'revision': 'random'})


def work(args: argparse.Namespace, loaded: Loaded, folder: Path) -> Iterator[object]:
    """Pieces of work without end."""
    if args.work == 'images':
        sampling = Sampling(
            args.size,
            args.size,
            steps=args.steps,
            batch=args.batch,
            threads=torch.get_num_threads(),
        )
        sampler = Sampler(loaded, from_template('datum'), sampling)
        job = Job(folder, sampler.settings, 10**6)
        made = sampler.make(job)
        while True:
            yield list(islice(made, args.batch))
    pixels = np.random.default_rng(0).integers(0, 256, (2 * args.size, 4 * args.size, 3), np.uint8)
    Image.fromarray(pixels).save(folder / 'target.png')
    training = Training(
        steps=10**6,
        save_every=10**6,
        samples=0,
        batch=args.batch,
        precision=args.precision,
        checkpointing=args.checkpointing,
    )
    instances = Instances(folder / 'target.png', 2 * args.size, args.size)
    yield from Personalizer(loaded, instances, folder / 'out', training, TUNINGS[args.work]()).run()


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    args = parser().parse_args(argv)
    debug = args.debug or bool(os.environ.get('REIN_DEBUG'))
    with Guard(debug=debug, stopped='start it again') as guard, tempfile.TemporaryDirectory() as at:
        device = device_for(args.device)
        dtype = DTYPES[args.dtype if args.work == 'images' else 'float32']
        pieces = work(args, stable_diffusion_1(dtype, device), Path(at))
        seconds = []
        for _ in range(args.repeat + 1):
            start = time.perf_counter()
            next(pieces)  # its last act is to bring a number or pixels to the CPU
            seconds.append(time.perf_counter() - start)
        found = statistics.median(seconds[1:]) / args.batch
        name = torch.cuda.get_device_name(device) if 'cuda' in device else 'CPU'
        threads = f', {torch.get_num_threads()} threads' if name == 'CPU' else ''
        sys.stdout.write(
            f'{args.work}, {args.size}x{args.size}, batch {args.batch}, on {name}{threads}: '
            f'{found:.2f} s each (fastest {min(seconds[1:]) / args.batch:.2f}); '
            f'{peak_gigabytes(torch.device(device)):.1f} GiB at the most\n'
        )
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
