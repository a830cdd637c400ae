"""Our Mask2Former head against that of transformers: python tools/benchmark_head.py.

Both heads train on the same random maps in one process, in turn, so that a machine whose speed
drifts slows both. The body is left out: it is timm's in either case.
"""

import argparse
import statistics
import sys
import time
from itertools import pairwise

import torch
from torch import Tensor, nn
from transformers import Mask2FormerConfig
from transformers.models.mask2former import modeling_mask2former as hf

from rein.models.heads import PlainMask2FormerHead
from rein.models.heads.mask_targets import ClassMasks

CLASSES, DIMS, STRIDES = 19, 256, (4, 8, 16, 32)
STEPS = ('forward', 'loss', 'backward')


class TransformersHead(nn.Module):
    """Mask2Former as transformers has it, with the sizes of our head."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        config = Mask2FormerConfig(
            feature_size=DIMS,
            mask_feature_size=DIMS,
            hidden_dim=DIMS,
            num_labels=CLASSES,
            decoder_layers=10,  # transformers counts the prediction before the first layer, too
            dropout=0.0,
        )
        self.pixel_decoder = hf.Mask2FormerPixelDecoder(config, feature_channels=channels)
        self.decoder = hf.Mask2FormerTransformerModule(DIMS, config)
        self.classify = nn.Linear(DIMS, CLASSES + 1)
        self.criterion = hf.Mask2FormerLoss(config, {})

    def forward(self, maps: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Classes and masks of every layer."""
        pixels = self.pixel_decoder(
            maps, output_attentions=False, output_hidden_states=False, return_dict=True
        )
        found = self.decoder(pixels.multi_scale_features, pixels.mask_features)
        states = found.intermediate_hidden_states
        classes = [self.classify(state.transpose(0, 1)) for state in states]
        return list(zip(classes, found.masks_queries_logits, strict=True))

    def loss(self, layers: list[tuple[Tensor, Tensor]], targets: list[ClassMasks]) -> Tensor:
        """Sum of the losses of every layer, in float32."""
        *others, last = [
            {'class_queries_logits': c.float(), 'masks_queries_logits': m.float()}
            for c, m in layers
        ]
        masks, labels = [t.masks.float() for t in targets], [t.labels for t in targets]
        losses = self.criterion(
            last['masks_queries_logits'], last['class_queries_logits'], masks, labels, others
        )
        return sum(losses.values())


class OurHead(PlainMask2FormerHead):
    """Our head in the same two steps."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__(CLASSES, channels)

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Queries after every layer and mask features."""
        return self.decode(maps)

    def loss(self, decoded: tuple[Tensor, Tensor], targets: list[ClassMasks]) -> Tensor:
        """Sum of the losses of every layer."""
        states, features = decoded
        losses = self.criterion(self.cls_embed(states), self.mask_embed(states), features, targets)
        return sum(losses.values())


def timed(
    head: nn.Module, maps: list[Tensor], targets: list[ClassMasks], dtype: torch.dtype
) -> list[float]:
    """CPU seconds of the steps of one iteration."""
    maps = [each.clone().requires_grad_() for each in maps]
    marks = [time.process_time()]
    with torch.autocast('cpu', torch.bfloat16, enabled=dtype != torch.float32):
        decoded = head(maps)
        marks.append(time.process_time())
        loss = head.loss(decoded, targets)
        marks.append(time.process_time())
    loss.backward()
    marks.append(time.process_time())
    return [after - before for before, after in pairwise(marks)]


def main() -> None:
    """Print a table: a row for each precision and head."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--channels', type=int, default=1024, help='of each of the four maps')
    parser.add_argument('--size', type=int, default=512, help='side of the square images')
    parser.add_argument('--batch', type=int, default=2)
    parser.add_argument('--iterations', type=int, default=3, help='timed, after one for warm-up')
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    channels = [args.channels] * 4
    heads = {'here': OurHead(channels), 'transformers': TransformersHead(channels)}
    sides = [args.size // stride for stride in STRIDES]
    maps = [torch.randn(args.batch, args.channels, side, side) for side in sides]
    blocks = torch.randint(0, 12, (args.batch, args.size // 32, args.size // 32))
    labels = blocks.repeat_interleave(32, 1).repeat_interleave(32, 2)
    targets = [
        ClassMasks(each.unique(), torch.stack([each == k for k in each.unique()]).float())
        for each in labels
    ]
    sys.stdout.write(f'CPU seconds, median (fastest) of {args.iterations}\n')
    sys.stdout.write(
        f'| precision | head | {" | ".join(STEPS)} | together |\n|---|---|---|---|---|---|\n'
    )
    for precision, dtype in (('fp32', torch.float32), ('bf16', torch.bfloat16)):
        runs = {name: [] for name in heads}
        for _ in range(args.iterations + 1):
            for name, head in heads.items():
                runs[name].append(timed(head, maps, targets, dtype))
        for name, all_runs in runs.items():
            steps = [statistics.median(column) for column in zip(*all_runs[1:], strict=True)]
            totals = [sum(run) for run in all_runs[1:]]
            cells = ' | '.join(f'{value:.2f}' for value in steps)
            both = f'{statistics.median(totals):.2f} ({min(totals):.2f})'
            sys.stdout.write(f'| {precision} | {name} | {cells} | {both} |\n')
            sys.stdout.flush()


if __name__ == '__main__':
    main()
