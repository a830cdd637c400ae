"""How long the parts of a training iteration take, and how much memory they need."""

import copy
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from rein.runtime.settings import inner_segmentor, walk

STEPS = ('backbone', 'head', 'backward', 'optimizer')


@dataclass
class Timing:
    """Seconds of each step of one training iteration, of the calling process's CPU time.

    CPU time of one thread holds still on a shared machine where wall time does not; on a GPU
    the steps are timed with the device synchronised, by the wall clock.
    """

    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Seconds of the whole iteration."""
        return sum(self.seconds.values())


@contextmanager
def _timed(timing: Timing, step: str, device: torch.device) -> Iterator[None]:
    clock: Callable[[], float] = time.process_time
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        clock = time.perf_counter
    start = clock()
    yield
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    timing.seconds[step] = clock() - start


class TrainingBench:
    """A segmentor of random weights, its optimizer and a random batch, ready to be timed.

    Args:
        model: config of the segmentor; ``backbone.weights`` is left out, since the time does
            not depend on the values.
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
        torch.manual_seed(0)
        self.device = device
        self.model: nn.Module = MODELS.build(without_weights(model)).to(device).train()
        self.optimizer = build_optim_wrapper(self.model, optim_wrapper).optimizer
        self.images = torch.randn(batch, 3, *size, device=device)
        self.samples = random_samples(batch, size, self.model.num_classes, device)

    def iteration(self, dtype: torch.dtype) -> Timing:
        """Run one training iteration with the forward pass in ``dtype`` and time its steps."""
        timing = Timing()
        autocast = torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32)
        with autocast:
            with _timed(timing, 'backbone', self.device):
                maps = self.model.extract_feat(self.images)
            with _timed(timing, 'head', self.device):
                losses = self.model._decode_head_forward_train(maps, self.samples)
                loss: Tensor = sum(value for name, value in losses.items() if 'loss' in name)
        with _timed(timing, 'backward', self.device):
            loss.backward()
        with _timed(timing, 'optimizer', self.device):
            self.optimizer.step()
            self.optimizer.zero_grad()
        return timing

    def peak_gigabytes(self) -> float:
        """Most memory that was in use at once: of the GPU, or else of the whole process."""
        return peak_gigabytes(self.device)


class InferenceBench:
    """A segmentor of random weights that labels one random image, ready to be timed.

    Args:
        model: config of the segmentor, or of a wrapper of one; weights are left out.
        size: height and width of the image.
        device: where to run.
    """

    def __init__(self, model: ConfigDict, size: tuple[int, int], device: torch.device) -> None:
        torch.manual_seed(0)
        self.device = device
        plain = inner_segmentor(without_weights(model))
        self.model: nn.Module = MODELS.build(plain).to(device).eval()
        self.image = torch.randn(1, 3, *size, device=device)
        self.metas = [{'img_shape': size, 'ori_shape': size}]

    @torch.inference_mode()
    def labels(self, dtype: torch.dtype, windows: int) -> tuple[Tensor, float, float]:
        """Label the image.

        Args:
            dtype: of the forward pass.
            windows: how many at a time, where ``test_cfg`` says that there are any.

        Returns:
            Classes (1, H, W); seconds, as ``Timing`` counts them; GiB in use at once, see
            ``peak_gigabytes``.
        """
        timing = Timing()
        self.model.test_cfg.window_batch = windows
        if self.device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats(self.device)
        autocast = torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32)
        with _timed(timing, 'image', self.device), autocast:
            labels = self.model.inference(self.image, self.metas).argmax(1)
        return labels, timing.total, peak_gigabytes(self.device)


def without_weights(model: ConfigDict) -> ConfigDict:
    """A copy of a model's config that begins at random: times do not depend on the values."""
    model = copy.deepcopy(ConfigDict(model))
    for _, node in list(walk(model)):
        if isinstance(node, Mapping) and 'weights' in node:
            node['weights'] = None
    return model


def peak_gigabytes(device: torch.device) -> float:
    """Most memory that was in use at once, GiB: of the GPU, or else of the whole process."""
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated(device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def random_samples(
    batch: int, size: tuple[int, int], classes: int, device: torch.device
) -> list[SegDataSample]:
    """Blocks of 64 pixels of random classes: about as many classes as a crop of a street has."""
    blocks = torch.randint(0, classes, (batch, 1, -(-size[0] // 64), -(-size[1] // 64)))
    labels = blocks.repeat_interleave(64, 2).repeat_interleave(64, 3)[..., : size[0], : size[1]]
    samples = []
    for label in labels.to(device):
        sample = SegDataSample(metainfo={'img_shape': size, 'ori_shape': size})
        sample.gt_sem_seg = PixelData(data=label)
        samples.append(sample)
    return samples
