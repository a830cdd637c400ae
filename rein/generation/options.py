"""Options of the commands of ``tools/generate.py``."""

import argparse
import os
from pathlib import Path

from rein.generation.conditions import COLOURS
from rein.generation.instances import Instances
from rein.generation.pipelines import ATTENTION, DTYPES
from rein.generation.prompts import CHOICES, TEMPLATES, TOKEN
from rein.generation.sample import Sampling
from rein.generation.training import PRECISIONS, Prior, Training
from rein.generation.tuning import TUNINGS, LowRankTuning


def prompt_options(add: argparse.ArgumentParser) -> None:
    """Options of ``prompts``."""
    add.add_argument('--source', choices=('list', 'template', 'grammar', 'llm'), default='grammar')
    add.add_argument('--out', type=Path, help='file to write (.jsonl)')
    add.add_argument('--list', type=Path, metavar='FILE', help='list: a sentence a line')
    add.add_argument(
        '--template',
        default='datum',
        help=f'template: {", ".join(TEMPLATES)}, or a sentence with {{class}} and {{token}}',
    )
    add.add_argument(
        '--classes',
        nargs='+',
        default=None,
        metavar='NAME',
        help=f'{", ".join(CHOICES)}, or names; template: things, others: all 19 by default',
    )
    add.add_argument('--token', default=TOKEN, help='template: the rare word')
    add.add_argument('--number', choices=('plural', 'singular'), default='plural')
    add.add_argument('--count', type=int, default=100, help='grammar, llm: number of sentences')
    add.add_argument('--seed', type=int, default=0, help='of the first sentence')
    add.add_argument('--model', help='llm: id of the hub or local folder of an instruct model')
    add.add_argument('--temperature', type=float, default=0.9, help='llm: of its sampling')
    add.add_argument('--device', help='llm: cpu or cuda')


def source_options(add: argparse.ArgumentParser) -> None:
    """Options of loading a pipeline."""
    add.add_argument('--model', help='id of the hub, or folder of a pipeline')
    add.add_argument('--revision', help='branch, tag or commit on the hub')
    add.add_argument('--variant', help='of the weight files, such as fp16')
    add.add_argument('--attention', choices=ATTENTION, default='auto')
    add.add_argument('--device', help='cpu or cuda:0; the GPU if there is one by default')


def personalize_options(add: argparse.ArgumentParser) -> None:
    """Options of ``personalize``."""
    source_options(add)
    add.add_argument('--images', type=Path, help='an image, or a folder of a few')
    add.add_argument('--out', type=Path, help='folder to write to')
    add.add_argument('--prompt', default=Training.prompt, help='of the images')
    add.add_argument(
        '--resolution', type=int, default=Instances.resolution, help='of the shorter side'
    )
    add.add_argument('--crop', type=int, default=Instances.crop, help='side of the crops')
    add.add_argument('--tuning', choices=TUNINGS, default='full')
    add.add_argument(
        '--rank', type=int, default=LowRankTuning.rank, help='lora: rank of the matrices'
    )
    add.add_argument('--parts', choices=('all', 'denoiser'), default='all', help='what learns')
    add.add_argument('--steps', type=int, default=Training.steps)
    add.add_argument('--save-every', type=int, default=Training.save_every, metavar='STEPS')
    add.add_argument('--rate', type=float, help='learning rate; full: 5e-6, lora: 1e-4')
    add.add_argument('--batch', type=int, default=1)
    add.add_argument('--accumulation', type=int, default=1, help='batches in a step')
    add.add_argument('--seed', type=int, default=0)
    add.add_argument('--precision', choices=PRECISIONS, default=Training.precision)
    add.add_argument('--checkpointing', action='store_true', help='less memory, more time')
    add.add_argument(
        '--samples', type=int, default=Training.samples, help='pictures at each checkpoint'
    )
    add.add_argument('--class-prompt', help='prior preservation: prompt of the class')
    add.add_argument('--class-images', type=int, default=Prior.count, help='number of its images')
    add.add_argument('--class-weight', type=float, default=Prior.weight, help='of their loss')


def image_options(add: argparse.ArgumentParser) -> None:
    """Options of ``images``."""
    source_options(add)
    add.add_argument('--prompts', type=Path, help='.jsonl of the command prompts, or a .txt')
    add.add_argument('--out', type=Path, help='folder of the set')
    add.add_argument('--count', type=int, help='of images; one a prompt by default')
    add.add_argument('--size', type=int, nargs=2, metavar=('WIDTH', 'HEIGHT'))
    add.add_argument('--steps', type=int, help="the model's own by default, as all of these")
    add.add_argument('--guidance', type=float)
    add.add_argument('--negative-prompt')
    add.add_argument('--scheduler', help='class of diffusers, such as EulerDiscreteScheduler')
    add.add_argument(
        '--dtype', choices=DTYPES, help='float16 on a GPU and float32 on a CPU by default'
    )
    add.add_argument('--batch', type=int, default=1, help='images in one call')
    add.add_argument('--seed', type=int, default=0, help='another one gives other images')
    add.add_argument(
        '--redraws', type=int, default=Sampling.redraws, help='of an image that comes out black'
    )
    add.add_argument('--unchecked', action='store_true', help='without the safety checker')
    add.add_argument('--controlnet', help='id or folder: images from label maps')
    add.add_argument('--labels', type=Path, metavar='DIR', help='the maps, train ids in PNG files')
    add.add_argument('--label-colours', choices=COLOURS, default='cityscapes')
    add.add_argument('--control', type=float, help='weight of the label map')
    add.add_argument('--threads', type=int, default=1, help='of a CPU; decides the last bit')
    add.add_argument(
        '--shard', metavar='K/N', help='part K of N, from 0; under torchrun that of the process'
    )


def folder_options(add: argparse.ArgumentParser) -> None:
    """Options of ``sheet`` and ``check``."""
    add.add_argument('folder', type=Path, help='of the set')
    add.add_argument('--per-prompt', type=int, metavar='N', help='sheet: at most N of a prompt')
    add.add_argument('--workers', type=int, default=os.cpu_count(), help='check: processes')


def cost_options(add: argparse.ArgumentParser) -> None:
    """Options of ``cost``."""
    add.add_argument('--model', type=Path, help='folder of a pipeline; its configs are enough')
    add.add_argument('--size', type=int, nargs=2, default=[512, 512], metavar=('WIDTH', 'HEIGHT'))
    add.add_argument('--steps', type=int, default=50)
    add.add_argument('--count', type=int, default=5000, help='of images')
    add.add_argument('--unguided', action='store_true', help='one call a step instead of two')
    add.add_argument(
        '--efficiency', type=float, default=0.35, help='share of its peak that a GPU reaches'
    )


OPTIONS = {
    'prompts': prompt_options,
    'personalize': personalize_options,
    'images': image_options,
    'sheet': folder_options,
    'check': folder_options,
    'cost': cost_options,
}
