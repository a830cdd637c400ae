"""A training iteration, or the labelling of an image, done in one way or another and measured."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rein.benchmarks.baseline import baseline_arrangement, changed
from rein.benchmarks.inputs import random_samples, without_weights
from rein.benchmarks.stopwatch import Stopwatch, memory_peak
from rein.runtime.settings import inner_segmentor

TRAINING = ('body', 'adapter', 'head', 'loss', 'backward', 'optimizer')
LABELLING = ('body', 'adapter', 'head', 'windows')


@dataclass(frozen=True)
class How:
    """How the work is done."""

    precision: torch.dtype = torch.float32
    windows: int = 1
    compiled: bool = False
    baseline: bool = False


@dataclass
class Run:
    """One run of the work."""

    steps: dict[str, float]
    """Seconds of each step, in order."""
    gigabytes: float
    """Most memory in use at once above what was held before, GiB."""
    labels: Tensor | None = field(default=None, repr=False)
    """Classes (1, H, W), where an image was labelled."""

    @property
    def total(self) -> float:
        """Seconds of all steps."""
        return sum(self.steps.values())


class Bench:
    """A model of random weights, ready to be timed.

    Args:
        model: config of a segmentor; weights are left out, since times do not depend on them.
        device: where to run.
    """

    def __init__(self, model: ConfigDict, device: torch.device) -> None:
        torch.manual_seed(0)
        self.device = device
        self.model: nn.Module = MODELS.build(without_weights(model)).to(device)
        self._compiled: Callable | None = None

    def run(self, how: How) -> Run:
        """Do the work once and measure it."""
        watch = Stopwatch(self.device)
        with self._arranged(how), memory_peak(self.device) as peak:
            labels = self._work(how, watch)
            seconds = watch.seconds()
        return Run(self._split(seconds), peak.gigabytes, labels)

    def flops(self, how: How) -> int:
        """Floating point operations of the work: products of matrices, convolutions, attention."""
        with self._arranged(how), FlopCounterMode(display=False) as counter:
            self._work(how, Stopwatch(self.device))
        return counter.get_total_flops()

    def _work(self, how: How, watch: Stopwatch) -> Tensor | None:
        raise NotImplementedError

    def _split(self, seconds: Mapping[str, float]) -> dict[str, float]:
        raise NotImplementedError

    def _watched(self, how: How) -> dict[str, list[nn.Module]]:
        """Modules that are timed by themselves, by the name of the step."""
        if how.compiled:  # into one, which cannot be looked into; the adapter counts as body
            return {}
        adapter = getattr(self.model.backbone, 'adapter', None)
        stages = list(adapter) if isinstance(adapter, nn.ModuleList) else [adapter]
        return {'adapter': [stage for stage in stages if stage is not None]}

    @contextmanager
    def _arranged(self, how: How) -> Iterator[None]:
        autocast = torch.autocast(
            self.device.type, how.precision, enabled=how.precision != torch.float32
        )
        with ExitStack() as stack:
            stack.enter_context(autocast)
            if how.baseline:
                # On a GPU the published code runs on xFormers, which is what PyTorch's is.
                spelled = self.device.type == 'cpu'
                stack.enter_context(baseline_arrangement(self.model, attention=spelled))
            if how.compiled:
                stack.enter_context(self._compiled_backbone())
            yield

    def _compiled_backbone(self) -> AbstractContextManager:
        """As ``module.compile`` does, within a context only; compiled code is kept."""
        backbone = self.model.backbone
        if self._compiled is None:
            backbone.compile()
            self._compiled = backbone._compiled_call_impl
            backbone._compiled_call_impl = None
        return changed([(backbone, '_compiled_call_impl', self._compiled)])


class TrainingBench(Bench):
    """Training iterations on a random batch.

    Args:
        model: config of the segmentor.
        optim_wrapper: config of the optimizer.
        size: height and width of the images.
        batch: images in the batch.
        device: where to run.
    """

    def __init__(
        self,
        model: ConfigDict,
        optim_wrapper: ConfigDict,
        *,
        size: tuple[int, int],
        batch: int,
        device: torch.device,
    ) -> None:
        super().__init__(model, device)
        if not isinstance(self.model, EncoderDecoder):
            raise ValueError(
                f'{type(self.model).__name__} trains otherwise than a segmentor by itself; time '
                'its steps with tools/benchmark_step.py'
            )
        self.model.train()
        self.optimizer = build_optim_wrapper(self.model, optim_wrapper).optimizer
        self.images = torch.randn(batch, 3, *size, device=device)
        self.samples = random_samples(batch, size, self.model.num_classes, device)

    def _watched(self, how: How) -> dict[str, list[nn.Module]]:
        criterion = getattr(self.model.decode_head, 'criterion', None)
        return {**super()._watched(how), 'loss': [] if criterion is None else [criterion]}

    def _work(self, how: How, watch: Stopwatch) -> None:
        with watch.watching(self._watched(how)):  # not while the backward pass recomputes
            with watch.span('backbone'):
                maps = self.model.extract_feat(self.images)
            with watch.span('whole head'):
                losses = self.model._decode_head_forward_train(maps, self.samples)
                loss: Tensor = sum(value for name, value in losses.items() if 'loss' in name)
        del maps, losses
        with watch.span('backward'), torch.autocast(self.device.type, enabled=False):
            loss.backward()
        with watch.span('optimizer'):
            self.optimizer.step()
            self.optimizer.zero_grad()

    def _split(self, seconds: Mapping[str, float]) -> dict[str, float]:
        adapter, loss = seconds.get('adapter', 0.0), seconds.get('loss', 0.0)
        values = (seconds['backbone'] - adapter, adapter, seconds['whole head'] - loss, loss)
        return dict(
            zip(TRAINING, (*values, seconds['backward'], seconds['optimizer']), strict=True)
        )


class InferenceBench(Bench):
    """The labelling of a random image.

    Args:
        model: config of the segmentor, or of a wrapper of one.
        size: height and width of the image.
        device: where to run.
    """

    def __init__(self, model: ConfigDict, size: tuple[int, int], device: torch.device) -> None:
        super().__init__(inner_segmentor(model), device)
        self.model.eval()
        self.image = torch.randn(1, 3, *size, device=device)
        self.metas = [{'img_shape': size, 'ori_shape': size}]

    @torch.inference_mode()
    def _work(self, how: How, watch: Stopwatch) -> Tensor:
        head = self.model.decode_head
        self.model.test_cfg.window_batch = how.windows
        timed = [
            (head, 'predict', _timed(head.predict, watch, 'head')),
            (self.model, 'extract_feat', _timed(self.model.extract_feat, watch, 'backbone')),
        ]
        with changed(timed), watch.watching(self._watched(how)), watch.span('image'):
            return self.model.inference(self.image, self.metas).argmax(1)

    def _split(self, seconds: Mapping[str, float]) -> dict[str, float]:
        adapter, head = seconds.get('adapter', 0.0), seconds['head']
        backbone = seconds['backbone']
        values = (backbone - adapter, adapter, head, seconds['image'] - backbone - head)
        return dict(zip(LABELLING, values, strict=True))


def _timed(call: Callable, watch: Stopwatch, name: str) -> Callable:
    def timed(*args: object, **kwargs: object) -> object:
        with watch.span(name):
            return call(*args, **kwargs)

    return timed
