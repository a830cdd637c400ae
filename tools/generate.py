"""Make images that do not exist yet: python tools/generate.py --help.

Write prompts, let a generator learn a place, make images with a manifest, look through them, check
them, and count what they cost. A --recipe holds the options of several commands.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

import rein  # noqa: F401
from rein.generation.conditions import COLOURS, LabelMaps
from rein.generation.cost import PEAKS, count_cost
from rein.generation.grammar import from_grammar
from rein.generation.instances import Instances
from rein.generation.language_model import from_language_model, most_calls, transformers_writer
from rein.generation.manifest import Job, compare, read_manifest
from rein.generation.personalize import PRECISIONS, Personalizer, Prior, Training
from rein.generation.pipelines import (
    ATTENTION,
    DTYPES,
    Source,
    default_device,
    load_pipeline,
    versions,
)
from rein.generation.prompts import (
    CHOICES,
    TEMPLATES,
    TOKEN,
    balance,
    from_template,
    read_prompts,
    write_prompts,
)
from rein.generation.recipe import apply_recipe
from rein.generation.sample import Sampler, Sampling
from rein.generation.sheet import write_sheet
from rein.generation.tuning import TUNINGS, LowRankTuning
from rein.runtime.distributed import leave_processes
from rein.runtime.failures import Guard

AGAIN = 'the same command goes on where it was'


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    commands = main.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=function.__doc__.split('\n')[0])
        command.add_argument(
            '--recipe', type=Path, metavar='FILE', help='YAML with options for this command'
        )
        command.add_argument('--debug', action='store_true', help='show where an error comes from')
        OPTIONS[name](command)
    return main


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
    add.add_argument('--resolution', type=int, default=1024, help='of the shorter side')
    add.add_argument('--crop', type=int, default=512, help='side of the crops')
    add.add_argument('--tuning', choices=TUNINGS, default='full')
    add.add_argument('--rank', type=int, default=8, help='lora: rank of the matrices')
    add.add_argument('--parts', choices=('all', 'denoiser'), default='all', help='what learns')
    add.add_argument('--steps', type=int, default=1000)
    add.add_argument('--save-every', type=int, default=200, metavar='STEPS')
    add.add_argument('--rate', type=float, help='learning rate; full: 5e-6, lora: 1e-4')
    add.add_argument('--batch', type=int, default=1)
    add.add_argument('--accumulation', type=int, default=1, help='batches in a step')
    add.add_argument('--seed', type=int, default=0)
    add.add_argument('--precision', choices=PRECISIONS, default='float32')
    add.add_argument('--checkpointing', action='store_true', help='less memory, more time')
    add.add_argument('--samples', type=int, default=4, help='pictures at each checkpoint')
    add.add_argument('--class-prompt', help='prior preservation: prompt of the class')
    add.add_argument('--class-images', type=int, default=200, help='number of its images')
    add.add_argument('--class-weight', type=float, default=1.0, help='of their loss')


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
    add.add_argument('--redraws', type=int, default=10, help='of an image that comes out black')
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


def prompts(args: argparse.Namespace) -> None:
    """Write prompts: of a list, a template, scene words or a language model."""
    needed(args, 'out')
    if args.source == 'list':
        needed(args, 'list')
        found = read_prompts(args.list)
    elif args.source == 'template':
        classes = args.classes or ['things']
        chosen = classes[0] if len(classes) == 1 and classes[0] in CHOICES else classes
        plural = args.number == 'plural'
        found = from_template(
            args.template, chosen, token=args.token, plural=plural, seed=args.seed
        )
    else:
        names = [c for name in args.classes or ['both'] for c in CHOICES.get(name, (name,))]
        if args.source == 'grammar':
            found = from_grammar(args.count, args.seed, classes=names)
        else:
            found = ask(args, names)
    write_prompts(args.out, found)
    named = ', '.join(f'{name} {count}' for name, count in balance(found).items() if count)
    sys.stdout.write(f'{args.out}: {len(found)} prompts, which name {named or "no class"}\n')


def ask(args: argparse.Namespace, classes: Sequence[str]) -> list:
    """Prompts of a language model; says what was refused."""
    needed(args, 'model')
    write = transformers_writer(
        args.model, device=args.device or default_device(), temperature=args.temperature
    )
    with tqdm(total=most_calls(args.count, len(classes)), unit='request at most') as bar:

        def counted(request: str, seed: int) -> str:
            bar.update()
            return write(request, seed)

        found, refused = from_language_model(
            counted, args.count, args.seed, classes=classes, source=args.model
        )
    if refused:
        listed = ', '.join(f'{count} {reason}' for reason, count in refused.most_common())
        sys.stderr.write(f'refused or filled in: {listed}\n')
    return found


def personalize(args: argparse.Namespace) -> None:
    """Let a generator learn a place from one or a few images of it."""
    needed(args, 'model', 'images', 'out')
    source = Source(args.model, args.revision, args.variant, attention=args.attention)
    loaded = load_pipeline(source, args.device or default_device())
    prior = None
    if args.class_prompt:
        prior = Prior(args.class_prompt, args.class_images, args.class_weight)
    names = ('prompt', 'steps', 'save_every', 'rate', 'batch', 'accumulation', 'seed')
    names += ('precision', 'checkpointing', 'samples')
    training = Training(
        **{name: getattr(args, name) for name in names}, text=args.parts == 'all', prior=prior
    )
    tuning = LowRankTuning(args.rank) if args.tuning == 'lora' else TUNINGS[args.tuning]()
    instances = Instances(args.images, args.resolution, args.crop)
    trainer = Personalizer(loaded, instances, args.out, training, tuning)
    bar = tqdm(
        total=args.steps, initial=trainer.step, unit='step', disable=not trainer.is_main_process
    )
    with bar:
        for loss in trainer.run():
            bar.update()
            bar.set_postfix(loss=f'{loss:.4f}')
    if trainer.is_main_process:
        sys.stdout.write(f'to make images of: {args.out}/step_{trainer.step}\n')


def images(args: argparse.Namespace) -> None:
    """Make images, with a manifest that GeneratedDataset reads."""
    needed(args, 'model', 'prompts', 'out')
    part, parts = share(args.shard)
    listed = read_prompts(args.prompts)
    maps = None if args.labels is None else LabelMaps(args.labels, args.label_colours)
    device = args.device or default_device()
    source = Source(
        args.model,
        args.revision,
        args.variant,
        dtype=args.dtype or ('float16' if 'cuda' in device else 'float32'),
        scheduler=args.scheduler,
        attention=args.attention,
        checked=not args.unchecked,
        controlnet=args.controlnet,
    )
    width, height = args.size or (None, None)
    names = ('steps', 'guidance', 'negative_prompt', 'batch', 'seed', 'redraws', 'control')
    names += ('threads',)
    sampling = Sampling(width, height, **{name: getattr(args, name) for name in names})
    sampler = Sampler(load_pipeline(source, device), listed, sampling, maps)
    job = Job(args.out, sampler.settings, args.count or len(listed))
    waiting = sampler.waiting(job, part, parts)
    made = sampler.make(job, part, parts)
    for _ in tqdm(made, total=waiting, unit='image', disable=part > 0):
        pass
    missing = job.finish(versions(device))
    if missing:
        sys.stdout.write(f'{args.out}: {missing} of {job.count} images are left to other parts\n')
        return
    page = write_sheet(args.out)
    lines = read_manifest(args.out).lines
    refused = sum(not line.file for line in lines)
    sys.stdout.write(f'{args.out}: {len(lines) - refused} images; to look at: {page}\n')
    if refused:
        raise ValueError(
            f'{refused} images came out black, or were taken away by the safety checker, in all '
            f'{args.redraws + 1} trials; the manifest names them. If it is nearly every image, the '
            'autoencoder overflows in float16: use --dtype bfloat16 or float32. If it is always '
            'one prompt, put it in other words'
        )


def sheet(args: argparse.Namespace) -> None:
    """Make the page to look through images anew."""
    sys.stdout.write(f'{write_sheet(args.folder, args.per_prompt)}\n')


def check(args: argparse.Namespace) -> None:
    """Compare images with their manifest, content and all."""
    manifest = read_manifest(args.folder)
    problems = compare(args.folder, manifest, hashes=True, workers=args.workers)
    if problems:
        raise ValueError(f'{args.folder} does not match its manifest: {"; ".join(problems)}')
    sys.stdout.write(f'{args.folder}: {len(manifest.images)} images are as the manifest says\n')


def cost(args: argparse.Namespace) -> None:
    """Count the arithmetic of images, and the hours of it on some GPUs."""
    needed(args, 'model')
    if not 0 < args.efficiency <= 1:
        raise ValueError(f'--efficiency is {args.efficiency}; it is a share, from 0 to 1')
    found = count_cost(args.model, tuple(args.size), args.steps, guided=not args.unguided)
    sys.stdout.write(
        f'denoiser: {found.parameters / 1e6:,.1f} M parameters, {found.denoiser / 1e12:.3f} TFLOP '
        f'a call; decoder {found.decoder / 1e12:.3f} TFLOP; an image {found.image / 1e12:.1f} '
        f'TFLOP\n\n| GPU | peak, TFLOP/s | hours for {args.count:,} images at '
        f'{args.efficiency:.0%} of it |\n|---|---|---|\n'
    )
    for name, peak in PEAKS.items():
        hours = found.hours(args.count, peak * 1e12, args.efficiency)
        sys.stdout.write(f'| {name} | {peak} | {hours:.1f} |\n')


def share(shard: str | None) -> tuple[int, int]:
    """The part of the work for this process: K of N."""
    if shard is None:
        return int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))
    found = re.fullmatch(r'(\d+)/(\d+)', shard)
    if found is None or int(found[1]) >= int(found[2]):
        raise ValueError(f'--shard is {shard!r}; write 0/4 for the first of four parts')
    return int(found[1]), int(found[2])


def needed(args: argparse.Namespace, *names: str) -> None:
    """Refuse to go on without options that have no default."""
    missing = [f'--{name.replace("_", "-")}' for name in names if getattr(args, name) is None]
    if missing:
        raise ValueError(f'{", ".join(missing)} missing: give it here or in a --recipe')


COMMANDS = {
    'prompts': prompts,
    'personalize': personalize,
    'images': images,
    'sheet': sheet,
    'check': check,
    'cost': cost,
}
OPTIONS = {
    'prompts': prompt_options,
    'personalize': personalize_options,
    'images': image_options,
    'sheet': folder_options,
    'check': folder_options,
    'cost': cost_options,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    debug = '--debug' in argv or bool(os.environ.get('REIN_DEBUG'))
    with Guard(debug=debug, stopped=AGAIN) as guard:
        described = parser()
        args = apply_recipe(described, argv)
        COMMANDS[args.command](args)
    if torch.distributed.is_initialized():
        leave_processes(guard.code)
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
