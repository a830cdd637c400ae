"""Measures, once in a training, which covariances change with the style of an image."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.dist import get_dist_info, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import DATASETS, HOOKS
from torch import nn
from tqdm import tqdm

from rein.hooks.model import bare_model
from rein.runtime.seeds import mixed_seed

# As published: strong colours and a blur beside the image as it is, at full size.
VIEWS = (
    {'type': 'LoadImage'},
    {
        'type': 'TwoViews',
        'original': [],
        'restyled': [
            {
                'type': 'ColorJitter',
                'brightness': 0.8,
                'contrast': 0.8,
                'saturation': 0.8,
                'hue': 0.3,
            },
            {'type': 'GaussianBlur'},
        ],
    },
    {'type': 'PackInputs'},
)


@HOOKS.register_module()
class WhiteningMasksHook(Hook):
    """Let selective whitening choose its pairs of channels, before iteration ``begin``.

    The network, in evaluation mode and without gradients, is shown images of the training set and
    restyled views of them; a loss with ``begin_trial``, ``add_pair`` and ``end_trial``, such as
    ``SelectiveInstanceWhitening``, measures their maps. The images of a trial are shared out among
    the processes. What was chosen is in the checkpoint, so a resumed run does not choose again,
    and nothing that training draws at random changes.

    Args:
        begin: iteration before which it happens; until then such a loss is 0.
        pipeline: transforms of an image, with ``TwoViews`` and ``PackInputs``; ``VIEWS`` if left
            out.
        dataset: config of the images; by default the training's own, with this pipeline.
        images: number of images in a trial, at most all.
        trials: number of trials; pairs that are sensitive in all of them are chosen.
        seed: of the order of the images and of their views.

    Raises:
        ValueError: ``begin`` is negative, or images or trials below 1.

    Source: Choi et al., CVPR 2021 (arXiv:2103.15597), and the authors' code.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        begin: int,
        pipeline: Sequence[dict] = VIEWS,
        dataset: dict | None = None,
        images: int = 500,
        trials: int = 10,
        seed: int = 0,
    ) -> None:
        if begin < 0 or images < 1 or trials < 1:
            raise ValueError(
                f'WhiteningMasksHook: begin={begin}, images={images}, trials={trials}; begin is an '
                'iteration from 0, of images and trials there must be one or more'
            )
        self.begin, self.images, self.trials, self.seed = begin, images, trials, seed
        self.pipeline = list(pipeline)
        self.dataset = dataset

    def before_train(self, runner: Runner) -> None:
        """Look for the losses, so that a mistake in the config shows before training.

        Raises:
            ValueError: the model has no loss that measures styles.
        """
        if not self._losses(bare_model(runner)):
            raise ValueError(
                'WhiteningMasksHook: no loss of the model chooses pairs of channels; add '
                "dict(type='SelectiveInstanceWhitening', clusters=...) to model.losses or leave "
                'the hook out'
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Choose the pairs, if it is time to and they are not chosen yet."""
        if runner.iter < self.begin:
            return
        model = bare_model(runner)
        losses = [loss for loss in self._losses(model) if loss.trials == 0]
        if not losses:
            return
        runner.logger.info(f'measuring styles: {self.trials} trials of {self.images} images')
        dataset = self._built(runner)
        training = model.training
        model.eval()
        with torch.no_grad(), _as_before():
            self._measure(model, losses, dataset)
        model.train(training)
        for loss in losses:
            chosen = {site: int(loss.chosen(i).sum()) for i, site in enumerate(loss.sites)}
            runner.logger.info(f'pairs of channels that change with style: {chosen}')

    def _measure(self, model: nn.Module, losses: list[nn.Module], dataset: Sequence[dict]) -> None:
        rank, processes = get_dist_info()
        count = min(self.images, len(dataset))
        mine = len(range(rank, count, processes))
        bar = tqdm(
            total=self.trials * mine,
            unit='image',
            desc='styles',
            disable=None if is_main_process() else True,
        )
        sites = list(dict.fromkeys(site for loss in losses for site in loss.sites))
        with bar:
            for trial in range(self.trials):
                order = np.random.RandomState(mixed_seed(self.seed, trial)).permutation(
                    len(dataset)
                )
                for loss in losses:
                    loss.begin_trial()
                for number in order[rank:count:processes]:
                    maps = self._maps(model, dataset, trial, int(number), sites)
                    for loss in losses:
                        loss.add_pair(maps)
                    bar.update()
                for loss in losses:
                    loss.end_trial()

    def _maps(
        self, model: nn.Module, dataset: Sequence[dict], trial: int, number: int, sites: list[str]
    ) -> dict[str, torch.Tensor]:
        """Maps of the restyled and of the original view of an image, (2, C, h, w) each."""
        sample = dataset[number, mixed_seed(self.seed, trial, number)]
        if 'restyled' not in sample:
            raise ValueError(
                "WhiteningMasksHook.pipeline makes no second view; put dict(type='TwoViews', ...) "
                "before dict(type='PackInputs')"
            )
        batch = {key: [value] for key, value in sample.items()}
        batch = model.data_preprocessor(batch, training=True)
        return model.tapped(torch.cat([batch['restyled'], batch['inputs']]), sites)

    def _built(self, runner: Runner) -> Sequence[dict]:
        config = self.dataset
        if config is None:
            config = runner.cfg.train_dataloader.dataset
            while 'dataset' in config or 'source' in config:
                config = config.get('dataset') or config['source']
        dataset = {**config, 'pipeline': self.pipeline}
        return DATASETS.build({'type': 'SeededDataset', 'dataset': dataset})

    @staticmethod
    def _losses(model: nn.Module) -> list[nn.Module]:
        return [loss for loss in model.modules() if hasattr(loss, 'begin_trial')]


@contextmanager
def _as_before() -> Iterator[None]:
    """Put the state of all random numbers back at the end."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        yield
    random.setstate(python)
    np.random.set_state(numpy)
