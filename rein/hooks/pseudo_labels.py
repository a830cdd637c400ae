"""Labels of a folder of images, made by the model that trains, outside of its steps."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.dist import barrier, get_dist_info, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS, MODELS
from torch import nn
from tqdm import tqdm

from rein.datasets.layout import images_below
from rein.datasets.pseudo_labels import FOLDER, ROUND, LabelStore
from rein.hooks.fingerprint import tensor_digest
from rein.hooks.model import bare_model
from rein.labelling import READING, label_images
from rein.runtime.files import replace_file

IN_USE = 'pseudo_labels'  # under which a checkpoint keeps the name of its round


@HOOKS.register_module()
class PseudoLabelHook(Hook):
    """Labels a folder of images by the teacher of a ``SelfTraining`` model, for ``PseudoLabelled``.

    It does so before the first iteration and, if ``interval`` is given, every so many iterations
    after that. A folder for each round lies in the folder of labels, and ``round.txt`` there says
    which of them is in use: trainings that run at the same time need folders of their own. Images
    are shared out among the processes; a round that was stopped goes on where it was; a run that
    is resumed goes on with the labels that it had.

    Args:
        data_root: folder of the images and the labels, as of ``PseudoLabelled``.
        images: folder of the images below it.
        labels: folder of the labels below it.
        interval: iterations from one round to the next; None labels once.
        refiner: config of what makes the labels better; by default the model's own.
        pipeline: transforms of an image, from reading to packing.
        seed: of what the refiner draws.
        workers: processes that read images.

    Raises:
        ValueError: ``interval`` is below 1.
    """

    priority = 'LOW'  # before the checkpoint of the same iteration, which names the round

    def __init__(
        self,
        data_root: str,
        images: str = 'images',
        labels: str = FOLDER,
        *,
        interval: int | None = None,
        refiner: Mapping | None = None,
        pipeline: Sequence[Mapping] = READING,
        seed: int = 0,
        workers: int = 2,
    ) -> None:
        if interval is not None and interval < 1:
            raise ValueError(f'PseudoLabelHook.interval is {interval}; use 1 or more, or None')
        self.images, self.folder = Path(data_root, images), Path(data_root, labels)
        self.interval, self.refiner, self.pipeline = interval, refiner, pipeline
        self.seed, self.workers = seed, workers

    def before_train(self, runner: Runner) -> None:
        """Make the labels of the first round, or find those that the run had.

        Raises:
            ValueError: the model is no ``SelfTraining``.
            FileNotFoundError: there are no images.
        """
        model = bare_model(runner)
        if not hasattr(model, 'label'):
            raise ValueError(
                f"PseudoLabelHook is for model=dict(type='SelfTraining', ...), not for "
                f'{type(model).__name__}; label once with tools/pseudo_label.py and leave it out'
            )
        name = runner.message_hub.runtime_info.get(IN_USE) if runner.iter else None
        if name is not None:
            if (self.folder / name).is_dir():
                self._use(runner, name)
                return
            runner.logger.warning(
                f'the labels {self.folder / name} of this run are gone; making others, so the run '
                'goes on otherwise than it would have'
            )
        self._label(runner, runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: object = None
    ) -> None:
        """Make the labels of another round, if it is time to, and read samples with them."""
        done = runner.iter + 1
        if self.interval is None or done % self.interval or done >= runner.max_iters:
            return
        self._label(runner, done)
        runner.train_loop.dataloader_iterator.skip_iter(done)  # workers have read ahead

    def _label(self, runner: Runner, iteration: int) -> None:
        model = bare_model(runner)
        name = f'iter_{iteration}_{_digest(model)}'
        store = LabelStore(self.folder / name, {'iteration': iteration, 'seed': self.seed})
        refiner = model.refiner if self.refiner is None else MODELS.build(dict(self.refiner))
        rank, processes = get_dist_info()
        keys = images_below(self.images)
        mine = dict(list(keys.items())[rank::processes])
        training = model.training
        model.eval()
        runner.logger.info(f'labelling {len(keys)} images of {self.images} for {store.folder}')
        made = label_images(
            model,
            mine,
            store,
            refiner,
            pipeline=self.pipeline,
            seed=self.seed,
            workers=self.workers,
        )
        bar = tqdm(
            made,
            total=len(store.missing(list(mine))),
            unit='image',
            desc='pseudo-labels',
            disable=None if is_main_process() else True,
        )
        for _ in bar:
            pass
        model.train(training)
        barrier()
        self._use(runner, name)

    def _use(self, runner: Runner, name: str) -> None:
        if is_main_process():
            replace_file(self.folder / ROUND, f'{name}\n'.encode())
        barrier()
        runner.message_hub.update_info(IN_USE, name)
        runner.logger.info(f'reading the labels {self.folder / name}')


def _digest(model: nn.Module) -> str:
    """What tells the teacher (or, before it begins, the student that it copies) from others."""
    tensors = model.teacher.tensors()
    if not int(model.teacher.updates):
        state = model.student.state_dict()
        tensors = {name: state[name] for name in tensors}
    whole = ''.join(tensor_digest(tensor) for tensor in tensors.values())
    return hashlib.sha256(whole.encode()).hexdigest()[:12]
