"""A segmentor inside another one: what trains differently and tests the same."""

from collections.abc import Iterable, Mapping

import torch
from mmengine.model import BaseModel
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from rein.models.losses.feature import FeatureLoss, View
from rein.models.segmentors.taps import Taps, find_site

SCORES = 'decode_head.conv_seg'


class ViewPreProcessor(nn.Module):
    """The segmentor's own preprocessing, for ``restyled`` images beside ``inputs`` too.

    Args:
        inner: normalises, pads and stacks.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, data: dict, training: bool = False) -> dict:  # noqa: FBT001, FBT002
        """As the inner one; lists of images ``inputs``, ``restyled`` become (B, 3, H, W) each."""
        if not training or 'restyled' not in data:
            return self.inner({k: v for k, v in data.items() if k != 'restyled'}, training)
        count = len(data['inputs'])
        # In one call, with a copy of the samples, since labels are padded along with the images.
        samples = [*data['data_samples'], *(sample.clone() for sample in data['data_samples'])]
        joined = self.inner(
            {'inputs': [*data['inputs'], *data['restyled']], 'data_samples': samples}, training
        )
        return {
            'inputs': joined['inputs'][:count],
            'restyled': joined['inputs'][count:],
            'data_samples': joined['data_samples'][:count],
        }


class SegmentorWrapper(BaseModel):
    """A segmentor inside another one that changes ``loss()`` only: what predicts is the inner one.

    Args:
        segmentor: the inner one.
        **settings: what MMSegmentation's ``init_model`` hands to every model; always None here.

    Raises:
        ValueError: a setting is given.
    """

    def __init__(self, segmentor: nn.Module, **settings: None) -> None:
        for key, value in settings.items():
            if value is not None:
                kind = type(self).__name__
                raise ValueError(f'{kind}.{key} is {value!r}; it belongs into {kind}.segmentor')
        prepare = segmentor.data_preprocessor
        if not isinstance(prepare, ViewPreProcessor):
            prepare = ViewPreProcessor(prepare)
        super().__init__(data_preprocessor=prepare)
        self.segmentor = segmentor

    @property
    def num_classes(self) -> int:
        """Of the inner segmentor."""
        return self.segmentor.num_classes

    def forward(
        self,
        inputs: Tensor,
        data_samples: SampleList | None = None,
        mode: str = 'tensor',
        restyled: Tensor | None = None,
    ) -> object:
        """Losses in mode ``'loss'``; else what the inner segmentor says.

        Args:
            inputs: (B, 3, H, W), normalised.
            data_samples: one for each image.
            mode: ``'loss'``, ``'predict'`` or ``'tensor'``.
            restyled: the same images in other colours.
        """
        if mode != 'loss':
            return self.segmentor(inputs, data_samples, mode)
        return self.loss(inputs, data_samples, restyled)

    def loss(
        self, inputs: Tensor, data_samples: SampleList, restyled: Tensor | None = None
    ) -> dict:
        """Losses by name."""
        raise NotImplementedError


class FeatureLossWrapper(SegmentorWrapper):
    """Adds losses on features to the training of a segmentor.

    It owns the segmentor and changes ``loss()`` only: what predicts is the inner one.

    Args:
        segmentor: an ``EncoderDecoder`` of MMSegmentation or its config, ``FoundationSegmentor``
            among them.
        losses: configs of ``FeatureLoss`` parts, by the name under which each is logged; None
            leaves one out.
        pretrained: always None, which MMSegmentation's ``init_model`` hands to every model.
        train_cfg: the same.

    Raises:
        ValueError: a loss needs more views than there are, or names a site that is not there.
    """

    views = 1

    def __init__(
        self,
        segmentor: nn.Module | dict,
        losses: Mapping[str, dict | None] | None = None,
        *,
        pretrained: None = None,
        train_cfg: None = None,
    ) -> None:
        segmentor = MODELS.build(segmentor) if isinstance(segmentor, dict) else segmentor
        if not isinstance(segmentor, EncoderDecoder):
            raise ValueError(
                f'{type(self).__name__}.segmentor is a {type(segmentor).__name__}; use an '
                "EncoderDecoder, such as dict(type='FoundationSegmentor', ...)"
            )
        super().__init__(segmentor, pretrained=pretrained, train_cfg=train_cfg)
        self.losses = nn.ModuleDict(
            {name: self._built(name, loss) for name, loss in (losses or {}).items() if loss}
        )

    def _built(self, name: str, config: dict) -> FeatureLoss:
        loss = MODELS.build(config)
        if loss.needs_views > self.views:
            raise ValueError(
                f'losses.{name} ({type(loss).__name__}) compares two views of an image, but '
                f"{type(self).__name__} has one; use type='TwoView'"
            )
        if loss.sites is None:
            declared = getattr(self.segmentor.backbone, 'style_sites', {})
            if not declared:
                raise ValueError(
                    f'losses.{name} ({type(loss).__name__}) has no sites, and the backbone '
                    f'{type(self.segmentor.backbone).__name__} declares none; give '
                    "sites={'backbone[0]': channels, ...}"
                )
            loss.attach({f'backbone.{site}': channels for site, channels in declared.items()})
        for site in loss.sites:
            find_site(self.segmentor, site)
        return loss

    def tapped(self, images: Tensor, sites: Iterable[str]) -> dict[str, Tensor]:
        """Maps of ``sites`` that the inner segmentor makes of ``images`` (B, 3, H, W)."""
        with Taps(self.segmentor, sites) as maps:
            self.segmentor(images, mode='tensor')
        return maps

    def run(self, images: Tensor, samples: SampleList) -> tuple[dict, list[Tensor], dict]:
        """Run the inner segmentor once, but for its auxiliary heads.

        Returns:
            Losses of the decode head; maps of the backbone (and neck); what was tapped of every
            site that a loss needs, with the class scores under ``SCORES``.
        """
        with Taps(self.segmentor, self.watched()) as maps:
            features = self.segmentor.extract_feat(images)
            losses = self.segmentor._decode_head_forward_train(features, samples)
        if self.needs_scores and SCORES not in maps:
            maps[SCORES] = self._predicted(features, images)
        return losses, features, maps

    def auxiliary(self, features: list[Tensor], samples: SampleList) -> dict:
        """Losses of the auxiliary heads, if there are any."""
        if not self.segmentor.with_auxiliary_head:
            return {}
        return self.segmentor._auxiliary_head_forward_train(features, samples)

    def feature_losses(
        self, maps: list[dict[str, Tensor]], images: list[Tensor], samples: SampleList
    ) -> dict:
        """Losses of all parts from what was tapped of each view's images, under their names."""
        labels = torch.stack([sample.gt_sem_seg.data[0] for sample in samples]).long()
        views = [
            View(each, each.get(SCORES), labels, view)
            for each, view in zip(maps, images, strict=True)
        ]
        return {
            f'{name}.{key}': value
            for name, loss in self.losses.items()
            for key, value in loss(views).items()
        }

    def watched(self) -> list[str]:
        """All sites that a loss needs, each once, and that of the class scores."""
        sites = [site for loss in self.losses.values() for site in loss.sites]
        if self.needs_scores and hasattr(self.segmentor.decode_head, 'conv_seg'):
            sites.append(SCORES)
        return list(dict.fromkeys(sites))

    @property
    def needs_scores(self) -> bool:
        """Whether any loss asks for class scores."""
        return any(loss.needs_scores for loss in self.losses.values())

    @torch.no_grad()
    def _predicted(self, features: list[Tensor], images: Tensor) -> Tensor:
        """Class scores (B, K, H, W) of a head that has no layer which makes them."""
        metas = [{'img_shape': images.shape[-2:]}] * len(images)
        queries = getattr(self.segmentor, 'query_args', dict)()
        head = self.segmentor.decode_head
        return head.predict(features, metas, self.segmentor.test_cfg, **queries)
