"""What a loss on features is: it says which maps it needs and gets them for each view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass
class View:
    """What the network made of one view of a batch of images.

    Attributes:
        maps: map (B, C, h, w) of each site that a loss asked for.
        scores: (B, K, h, w) class logits before they are enlarged to the image; None where no
            loss needs them.
        labels: (B, H, W) class numbers, 255 where there is none; the same of every view.
        images: (B, 3, H, W), normalised, that the maps are of.
    """

    maps: dict[str, Tensor]
    scores: Tensor | None
    labels: Tensor
    images: Tensor | None = None


class FeatureLoss(nn.Module):
    """A loss on the maps that a segmentor makes on its way.

    Args:
        sites: channels of each site, by name: ``'backbone.bn1'`` is the output of that module of
            the segmentor, ``'backbone[3]'`` entry 3 of a module's tuple. None takes the sites
            that the backbone declares (``style_sites``).
        loss_weight: factor of what ``forward`` returns.
    """

    needs_scores = False
    needs_views = 1

    def __init__(self, sites: Mapping[str, int] | None = None, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.sites: dict[str, int] | None = None
        if sites is not None:
            self.attach(dict(sites))

    def attach(self, sites: dict[str, int]) -> None:
        """Take the sites: called once, at construction or by the wrapper.

        Raises:
            ValueError: there are none.
        """
        if not sites:
            raise ValueError(f'{type(self).__name__}.sites is empty; name one site or more')
        self.sites = sites

    def forward(self, views: Sequence[View]) -> dict[str, Tensor]:
        """Weighted losses, each under a name with ``loss`` in it.

        Args:
            views: the original one, then the restyled one where there is one.
        """
        raise NotImplementedError

    def ready(self) -> None:
        """Build what only training needs, so that what is missing shows before the first step."""

    def check_map(self, site: str, found: Tensor) -> Tensor:
        """Return the map, if it is one of as many channels as was said.

        Raises:
            ValueError: it is not.
        """
        if found.dim() != 4 or found.shape[1] != self.sites[site]:
            raise ValueError(
                f'{type(self).__name__}.sites says that {site!r} has {self.sites[site]} channels, '
                f'but it gives {tuple(found.shape)}; a map (B, C, h, w) of so many is needed: '
                'mend the number or name another site'
            )
        return found
