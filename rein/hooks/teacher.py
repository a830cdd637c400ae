"""When and how far a teacher moves towards its student."""

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from rein.hooks.model import bare_model


@HOOKS.register_module()
class TeacherHook(Hook):
    """Averages the teacher of a ``SelfTraining`` model, before the iterations that it is due in.

    In iteration ``warm_up`` the teacher becomes a copy of the student; before that, images without
    labels are left out. The teacher is in the checkpoint, so a resumed run goes on with it.

    Args:
        momentum: share of the teacher that stays, in [0, 1].
        interval: iterations from one average to the next.
        warm_up: iterations without a teacher.

    Raises:
        ValueError: a number is out of its range.

    Source: Benigmim et al., CVPR 2024 (arXiv:2312.09788); the defaults are those of its code.
    """

    priority = 'NORMAL'

    def __init__(self, momentum: float = 0.999, interval: int = 100, warm_up: int = 0) -> None:
        if not 0 <= momentum <= 1 or interval < 1 or warm_up < 0:
            raise ValueError(
                f'{type(self).__name__}: momentum={momentum}, interval={interval}, '
                f'warm_up={warm_up}; momentum is from 0 to 1, interval 1 or more, warm_up 0 or more'
            )
        self.momentum, self.interval, self.warm_up = momentum, interval, warm_up

    def momentum_at(self, step: int) -> float:
        """Share of the teacher that stays in an average ``step`` iterations after it began."""
        return self.momentum

    def before_train(self, runner: Runner) -> None:
        """Look for the teacher, and take one from a checkpoint up where it was.

        Raises:
            ValueError: the model has none, or processes would wait for each other for good.
        """
        model = bare_model(runner)
        if not hasattr(model, 'begin_teaching'):
            raise ValueError(
                f"{type(self).__name__} is for model=dict(type='SelfTraining', ...), not for "
                f'{type(model).__name__}; leave the hook out of custom_hooks'
            )
        sampler = runner.train_dataloader.sampler
        random = getattr(sampler, 'mixes_at_random', False)
        if get_world_size() > 1 and random and model.needs_all_kinds:
            raise ValueError(
                f'{type(sampler).__name__} gives some processes no images of a kind, which others '
                'wait for (ConfidentShare, ThingFeatureDistance); set train_dataloader.sampler='
                "dict(type='FixedRatioSampler', ratio=...)"
            )
        model.ready()
        model.teaches = False
        if runner.iter > self.warm_up:
            model.begin_teaching(anew=int(model.teacher.updates) == 0)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Begin, or average if it is time to."""
        step = runner.iter - self.warm_up
        model = bare_model(runner)
        if step == 0:
            model.begin_teaching(anew=True)
        elif step > 0 and step % self.interval == 0:
            model.teacher.average(model.student, self.momentum_at(step))


@HOOKS.register_module()
class AnnealedTeacherHook(TeacherHook):
    """A teacher that follows closely at first: it stays by min(1 - 1 / (t + 1), momentum).

    ``t`` are the iterations since it began. Arguments and errors are those of ``TeacherHook``, but
    the teacher is averaged in every iteration by default.

    Source: Tarvainen and Valpola, NeurIPS 2017 (arXiv:1703.01780), as in the code of DAFormer.
    """

    def __init__(self, momentum: float = 0.999, interval: int = 1, warm_up: int = 0) -> None:
        super().__init__(momentum, interval, warm_up)

    def momentum_at(self, step: int) -> float:
        """As above."""
        return min(1 - 1 / (step + 1), self.momentum)
