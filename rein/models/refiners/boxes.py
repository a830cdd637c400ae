"""Labels of things put right by boxes around them."""

from collections.abc import Sequence

import numpy as np
import torch
from mmseg.registry import MODELS

from rein.models.refiners.components import NO_CLASS, Draw, large_components
from rein.models.refiners.promptable import Promptable, check_sizes
from rein.models.refiners.refined import Refined, as_they_are

THINGS = tuple(range(11, 19))  # person to bicycle


@MODELS.register_module()
class BoxRefiner:
    """Replaces regions of things by what a promptable model sees in their boxes.

    Stuff, and things of at most ``least`` pixels, keep the labels they have. What was a large
    thing and is in no mask loses its label. Where masks overlap, the smaller one is in front.

    Args:
        model: the promptable model or its config.
        things: classes that are things; by default those of driving scenes.
        least: number of pixels that a region must exceed.

    Raises:
        ValueError: a setting is impossible.
    """

    def __init__(
        self, model: Promptable | dict, *, things: Sequence[int] = THINGS, least: int = 100
    ) -> None:
        if least < 0 or not things:
            raise ValueError(
                f'BoxRefiner: least={least}, things={things}; use 0 or more pixels and at least '
                'one class'
            )
        self.model = MODELS.build(model) if isinstance(model, dict) else model
        self.things, self.least = frozenset(things), least

    @torch.no_grad()
    def __call__(self, image: np.ndarray, labels: np.ndarray, draw: Draw | None = None) -> Refined:
        """Refine the labels of an image.

        Args:
            image: (H, W, 3), RGB, uint8.
            labels: (H, W) classes, 255 where there is none.
            draw: not needed; nothing here is random.

        Raises:
            ValueError: image and labels are of different sizes.
        """
        check_sizes('BoxRefiner', image, labels)
        regions = [
            region for region in large_components(labels, self.least) if region.label in self.things
        ]
        if not regions:
            return as_they_are(labels)
        # A box ends behind its last pixel.
        boxes = torch.tensor([region.box for region in regions]) + torch.tensor([0, 0, 1, 1])
        masks, claims, _ = self.model.predict(self.model.encode(image), boxes=boxes.float())
        best = masks[torch.arange(len(masks)), claims.argmax(1)].cpu().numpy()
        found = labels.copy()
        for region in regions:
            found.ravel()[region.pixels] = NO_CLASS
        for number in np.argsort(-best.sum((1, 2)), kind='stable'):
            found[best[number]] = regions[number].label
        return as_they_are(found)
