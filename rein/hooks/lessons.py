"""Pictures of what a student learns from: the teacher's labels, mixed and masked images."""

from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from PIL import Image

from rein.hooks.model import bare_model
from rein.hooks.pictures import IGNORED, assemble, fitted_size, paint


@HOOKS.register_module()
class LessonPicturesHook(Hook):
    """Write ``lessons/iter_<n>.jpg`` into the work dir, of a ``SelfTraining`` model.

    A row for each image without labels: the image and the teacher's labels of it (black where
    there is none), the image that it was mixed into with its labels, and the masked one. The
    mean weight of the pixels stands above.

    Args:
        interval: iterations from one picture to the next; the first one has a picture.
        count: images of a batch at the most.
        width: of one of the panels, pixels; smaller images keep their size.

    Raises:
        ValueError: a number is below 1.
    """

    priority = 'LOW'  # behind the teacher, which may begin in the same iteration

    def __init__(self, interval: int = 1000, count: int = 2, width: int = 384) -> None:
        if min(interval, count, width) < 1:
            raise ValueError(
                f'LessonPicturesHook: interval={interval}, count={count}, width={width}; use 1 or '
                'more'
            )
        self.interval, self.count, self.width = interval, count, width
        self._seen: dict[str, object] = {}

    def before_train(self, runner: Runner) -> None:
        """Look for what is to be watched.

        Raises:
            ValueError: the model is another one.
        """
        model = bare_model(runner)
        if not hasattr(model, 'watch'):
            raise ValueError(
                "LessonPicturesHook is for model=dict(type='SelfTraining', ...), not for "
                f'{type(model).__name__}; leave the hook out of custom_hooks'
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Watch the step if it is time to."""
        if runner.iter % self.interval == 0 and is_main_process():
            bare_model(runner).watch = self._seen.__setitem__

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict | None = None,
    ) -> None:
        """Draw what was seen."""
        model = bare_model(runner)
        model.watch = None
        if not self._seen:
            return
        path = Path(runner.work_dir, 'lessons', f'iter_{runner.iter}.jpg')
        path.parent.mkdir(parents=True, exist_ok=True)
        self._drawn(model, runner.train_dataloader.dataset.metainfo).save(path, quality=90)
        self._seen.clear()

    def _drawn(self, model: object, meta: dict) -> Image.Image:
        rows: list[list[tuple[str, Image.Image]]] = []
        present: set[int] = set()
        for name, lesson in self._seen.items():
            pictures = model.pictures(lesson.images[: self.count])
            if not rows:
                rows = [[] for _ in pictures]
            for number, (row, picture) in enumerate(zip(rows, pictures, strict=False)):
                labels = lesson.samples[number].gt_sem_seg.data[0].cpu().numpy()
                present |= set(np.unique(labels).tolist()) - {IGNORED}
                weight = '' if lesson.weights is None else f', {lesson.weights[number].mean():.2f}'
                row.append((name, self._fitted(picture, Image.Resampling.BILINEAR)))
                colours = paint(labels, meta['palette'])
                title = f'labels{weight}'
                row.append((title, self._fitted(colours, Image.Resampling.NEAREST)))
        legend = [(meta['classes'][k], tuple(meta['palette'][k])) for k in sorted(present)]
        parts = [assemble(row, legend if row is rows[-1] else []) for row in rows]
        sheet = Image.new('RGB', (parts[0].width, sum(part.height for part in parts)))
        top = 0
        for part in parts:
            sheet.paste(part, (0, top))
            top += part.height
        return sheet

    def _fitted(self, pixels: np.ndarray, resampling: Image.Resampling) -> Image.Image:
        image = Image.fromarray(pixels)
        return image.resize(fitted_size(*image.size, self.width), resampling)
