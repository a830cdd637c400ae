"""DeepLabV3+ as the RobustNet family has it, and its head for deep supervision."""

import torch
from mmcv.cnn import ConvModule
from mmengine.structures import PixelData
from mmseg.models.decode_heads.aspp_head import ASPPModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor, nn

CROSS_ENTROPY = {'type': 'CrossEntropyLoss', 'avg_non_ignore': True}


class _Head(BaseDecodeHead):
    """A head that begins as the reference's: normal weights by fan-in, biases 0."""

    def init_weights(self) -> None:
        """See above."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode='fan_in', nonlinearity='relu')
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)


@MODELS.register_module()
class DeepLabV3PlusHead(_Head):
    """ASPP on the last map, joined with an early one, and two 3x3 convolutions.

    What differs from MMSegmentation's ``DepthwiseSeparableASPPHead``: plain convolutions, a
    bottleneck of 1x1, the early map first where the two are joined, no dropout, corners aligned
    wherever a map is resized.

    Args:
        in_channels: of the early map and of the last one.
        in_index: their places in the backbone's tuple.
        channels: of ASPP's branches, of what is joined and of the decoder.
        c1_channels: to which the early map is reduced.
        dilations: of ASPP's 3x3 convolutions.
        loss_decode: the mean over labelled pixels of the cross entropy by default.
        kwargs: as of MMSegmentation's ``BaseDecodeHead``: ``num_classes``, ``norm_cfg``, ...

    Source: Chen et al., ECCV 2018 (arXiv:1802.02611); Choi et al., CVPR 2021 (arXiv:2103.15597).
    """

    def __init__(
        self,
        in_channels: tuple[int, int],
        in_index: tuple[int, int] = (0, 3),
        channels: int = 256,
        c1_channels: int = 48,
        dilations: tuple[int, ...] = (6, 12, 18),
        loss_decode: dict | list[dict] | None = None,
        **kwargs: object,
    ) -> None:
        kwargs = {'norm_cfg': {'type': 'BN'}, 'dropout_ratio': 0.0, 'align_corners': True} | kwargs
        super().__init__(
            in_channels,
            channels,
            in_index=in_index,
            input_transform='multiple_select',
            loss_decode=loss_decode or CROSS_ENTROPY,
            **kwargs,
        )
        early, last = in_channels
        parts = {'norm_cfg': self.norm_cfg, 'act_cfg': self.act_cfg}
        self.image_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), ConvModule(last, channels, 1, **parts)
        )
        self.aspp_modules = ASPPModule((1, *dilations), last, channels, None, **parts)
        self.bottleneck = ConvModule((len(dilations) + 2) * channels, channels, 1, **parts)
        self.c1_bottleneck = ConvModule(early, c1_channels, 1, **parts)
        self.joined = nn.Identity()  # a site for losses
        self.fusion = nn.Sequential(
            ConvModule(c1_channels + channels, channels, 3, padding=1, **parts),
            ConvModule(channels, channels, 3, padding=1, **parts),
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Maps of the backbone -> (B, K, H, W) class scores at the early map's size."""
        early, last = self._transform_inputs(inputs)
        pooled = self._resized(self.image_pool(last), last)
        context = self.bottleneck(torch.cat([pooled, *self.aspp_modules(last)], dim=1))
        joined = torch.cat([self.c1_bottleneck(early), self._resized(context, early)], dim=1)
        return self.cls_seg(self.fusion(self.joined(joined)))

    def _resized(self, found: Tensor, like: Tensor) -> Tensor:
        return resize(found, size=like.shape[2:], mode='bilinear', align_corners=self.align_corners)


@MODELS.register_module()
class DeepSupervisionHead(_Head):
    """A classifier on a map in the middle of the backbone, compared at the map's own size.

    MMSegmentation's heads enlarge the scores to the labels' size instead. The labels' nearest
    pixels are taken here, and the 3x3 convolution has a bias.

    Args:
        in_channels: of the map.
        in_index: its place in the backbone's tuple.
        channels: of the hidden layer.
        loss_decode: 0.4 times the mean over labelled pixels of the cross entropy by default.
        kwargs: as of MMSegmentation's ``BaseDecodeHead``: ``num_classes``, ``norm_cfg``, ...

    Source: Choi et al., CVPR 2021 (arXiv:2103.15597).
    """

    def __init__(
        self,
        in_channels: int,
        in_index: int = 2,
        channels: int = 512,
        loss_decode: dict | list[dict] | None = None,
        **kwargs: object,
    ) -> None:
        kwargs = {'norm_cfg': {'type': 'BN'}, 'dropout_ratio': 0.1, 'align_corners': True} | kwargs
        super().__init__(
            in_channels,
            channels,
            in_index=in_index,
            loss_decode=loss_decode or CROSS_ENTROPY | {'loss_weight': 0.4},
            **kwargs,
        )
        # A convolution of its own: ConvModule warns of a bias before a batch norm.
        norm = MODELS.build({'num_features': channels, **self.norm_cfg})
        self.hidden = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1), norm, nn.ReLU(inplace=True)
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Maps of the backbone -> (B, K, h, w) class scores."""
        return self.cls_seg(self.hidden(self._transform_inputs(inputs)))

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict:
        """Loss at the size of the scores (B, K, h, w)."""
        labels = self._stack_batch_gt(batch_data_samples).float()  # (B, 1, H, W)
        labels = resize(labels, size=seg_logits.shape[2:], mode='nearest').long()
        small = [SegDataSample(gt_sem_seg=PixelData(data=each)) for each in labels]
        return super().loss_by_feat(seg_logits, small)
