"""Make images that do not exist yet: python tools/generate.py --help.

Write prompts, let a generator learn a place, make images with a manifest, look through them, check
them, and count what they cost. A --recipe holds the options of several commands.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from rein.generation.conditions import LabelMaps
from rein.generation.cost import PEAKS, count_cost
from rein.generation.grammar import from_grammar
from rein.generation.instances import Instances
from rein.generation.language_model import from_language_model, most_calls, transformers_writer
from rein.generation.manifest import Job, compare, read_manifest
from rein.generation.options import OPTIONS
from rein.generation.personalize import Personalizer
from rein.generation.pipelines import (
    Source,
    device_for,
    load_pipeline,
    versions,
)
from rein.generation.prompts import (
    CHOICES,
    balance,
    from_template,
    read_prompts,
    write_prompts,
)
from rein.generation.recipe import apply_recipe
from rein.generation.sample import Sampler, Sampling
from rein.generation.sheet import write_sheet
from rein.generation.training import Prior, Training
from rein.generation.tuning import TUNINGS, LowRankTuning
from rein.runtime.distributed import leave_processes
from rein.runtime.failures import Guard
from rein.runtime.shards import part_of

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
        args.model, device=device_for(args.device), temperature=args.temperature
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
    loaded = load_pipeline(source, device_for(args.device))
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
    device = device_for(args.device)
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
    job = Job(args.out, sampler.settings, len(listed) if args.count is None else args.count)
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
    if shard is not None:
        return part_of(shard)
    return int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))


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
