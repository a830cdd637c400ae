"""Our pixel contrasts against loops over images and classes: python tools/benchmark_contrast.py.

The loops are what the formulas read like: they project every pixel of both views, both with a
graph, and then pick pixels image by image and class by class. Both measure the same random maps
in one process, in turn. Covariance losses are timed beside them.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from rein.models.losses import CovarianceMatch, CrossCovariance, PixelContrast
from rein.models.losses.feature import View
from rein.models.losses.pixels import Pixels

CLASSES = 19
ENCODER = {'stem': (64, 2), 'layer1': (256, 4), 'layer2': (512, 8)}
DECODER = {'layer4': (2048, 16), 'joined': (304, 4), 'fusion': (256, 4)}
TERMS = {'cwcl': {'type': 'ClassContrast'}, 'sdcl': {'type': 'DisentanglementContrast'}}


class LoopContrast(PixelContrast):
    """The same losses, one image and one class after the other, on maps projected whole."""

    def _at_site(self, kept: Tensor, moved: Tensor, pixels: Pixels, projection: Callable) -> dict:
        keys = self._projected(kept, projection).detach()
        queries = self._projected(moved, projection)
        found = {}
        if 'cwcl' in self.terms:
            found['cwcl'] = by_class(queries, keys, pixels, self.terms['cwcl'])
        if 'sdcl' in self.terms:
            found['sdcl'] = of_confused(queries, keys, pixels, self.terms['sdcl'])
        return found

    @staticmethod
    def _projected(maps: Tensor, projection: Callable) -> Tensor:
        """(B, C, h, w) -> (B, N, D)."""
        hidden = F.relu(projection[0](maps))
        found = projection[2](hidden)
        found = found / (found.norm(dim=1, keepdim=True) + 1e-7)
        return found.flatten(2).transpose(1, 2)


def by_class(queries: Tensor, keys: Tensor, pixels: Pixels, term: torch.nn.Module) -> Tensor:
    """Class-wise contrast of maps (B, N, D) with all keys of the image as negatives."""
    count, samples = term.classes, term.samples
    valid = [
        [c for c in labels.unique().tolist() if c < CLASSES and (labels == c).sum() > samples]
        for labels in pixels.labels
    ]
    if not any(valid):
        return queries.sum() * 0
    losses = []
    for image, classes in enumerate(valid):
        chosen = []
        for c in classes[:count]:
            mine = pixels.labels[image] == c
            hard = (mine & (pixels.original[image] != c)).nonzero()[:, 0]
            easy = (mine & (pixels.original[image] == c)).nonzero()[:, 0]
            if len(hard) >= samples / 2 and len(easy) >= samples / 2:
                kept = samples // 2
            else:
                kept = samples - len(easy) if len(hard) >= samples / 2 else len(hard)
            chosen.append(hard[torch.randperm(len(hard))[:kept]])
            chosen.append(easy[torch.randperm(len(easy))[: samples - kept]])
        rest = samples * (count - len(classes[:count]))
        chosen.append(torch.randperm(queries.shape[1])[:rest].to(queries.device))
        chosen = torch.cat(chosen)
        products = queries[image, chosen] @ keys[image, chosen].T / term.temperature
        own = products.diagonal()
        losses.append(torch.logsumexp(torch.cat((own[:, None], products), 1), 1) - own)
    return torch.cat(losses).mean()


def of_confused(queries: Tensor, keys: Tensor, pixels: Pixels, term: torch.nn.Module) -> Tensor:
    """Semantic disentanglement contrast of maps (B, N, D)."""
    losses = []
    wrong = (pixels.original == pixels.labels) & (pixels.restyled != pixels.original)
    for image, confused in enumerate(wrong):
        seen = pixels.restyled[image]
        for c in seen[confused].unique().tolist():
            pool = (pixels.labels[image] == c).nonzero()[:, 0]
            if len(pool) < term.patches:
                continue
            pool = pool[torch.randperm(len(pool))[: term.patches]]
            anchors = (confused & (seen == c)).nonzero()[:, 0]
            mine = queries[image, anchors]
            own = (mine * keys[image, anchors]).sum(1, keepdim=True)
            logits = torch.cat((own, mine @ queries[image, pool].T), 1) / term.temperature
            losses.append(logits.logsumexp(1) - logits[:, 0])
    if not losses:
        return queries.sum() * 0
    losses = torch.cat(losses)
    most = term.most * len(queries)
    if len(losses) > most:
        losses = losses[torch.randperm(len(losses))[:most]]
    return losses.mean()


def views(args: argparse.Namespace) -> list[View]:
    """Random maps of two views; a tenth of the pixels is wrong, another tenth in the second."""
    device, cell = torch.device(args.device), 32
    side = args.size // cell
    drawn = torch.randint(0, CLASSES, (args.batch, side, side), device=device)
    labels = drawn.repeat_interleave(cell, 1).repeat_interleave(cell, 2)
    scores = F.one_hot(labels[:, ::4, ::4], CLASSES).permute(0, 3, 1, 2).float()
    found = []
    for _ in range(2):
        change = torch.rand(args.batch, 1, *scores.shape[2:], device=device) < 0.1
        scores = torch.where(change, scores.roll(1, 1), scores)
        maps = {
            name: torch.randn(
                args.batch, channels, args.size // stride, args.size // stride, device=device
            ).requires_grad_()
            for name, (channels, stride) in {**ENCODER, **DECODER}.items()
        }
        found.append(View(maps, scores, labels))
    return found


def seconds(loss: torch.nn.Module, both: list[View]) -> float:
    """Of forward and backward pass: of the CPU's time, or on a GPU by the clock."""
    on_gpu = both[0].labels.is_cuda
    clock = time.perf_counter if on_gpu else time.process_time
    if on_gpu:
        torch.cuda.synchronize()
    start = clock()
    sum(loss(both).values()).backward()
    if on_gpu:
        torch.cuda.synchronize()
    return clock() - start


def main() -> None:
    """Print a table: seconds of every loss and the ratio of the two contrasts."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--size', type=int, default=768, help='side of the square crops')
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--iterations', type=int, default=5, help='timed, after one for warm-up')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    encoder = {name: channels for name, (channels, _) in ENCODER.items()}
    decoder = {name: channels for name, (channels, _) in DECODER.items()}
    losses = {
        'pixel contrasts, loops': LoopContrast(decoder, terms=TERMS),
        'pixel contrasts, here': PixelContrast(decoder, terms=TERMS),
        'covariance match': CovarianceMatch(encoder),
        'cross covariance': CrossCovariance(encoder),
    }
    both = views(args)
    runs: dict[str, list[float]] = {name: [] for name in losses}
    for _ in range(args.iterations + 1):
        for name, loss in losses.items():
            runs[name].append(seconds(loss.to(args.device), both))
    loops, here = list(runs)[:2]
    ratios = [a / b for a, b in zip(runs[loops][1:], runs[here][1:], strict=True)]
    sys.stdout.write(f'seconds, median (fastest) of {args.iterations}\n| loss | |\n|---|---|\n')
    for name, taken in runs.items():
        sys.stdout.write(
            f'| {name} | {statistics.median(taken[1:]):.3f} ({min(taken[1:]):.3f}) |\n'
        )
    sys.stdout.write(
        f'loops / here: {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})\n'
    )


if __name__ == '__main__':
    main()
