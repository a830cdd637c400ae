"""A backbone, its queries and a head wired into one segmentor, tested in batched windows."""

import inspect
from collections.abc import Iterator

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor

from rein.models.segmentors.backoff import MemoryBackoff
from rein.models.segmentors.window_batch import WindowBatch, window_batch_of
from rein.models.segmentors.windows import check_windows, stitched_bands, window_boxes


@MODELS.register_module()
class FoundationSegmentor(MemoryBackoff, EncoderDecoder):
    """MMSegmentation's encoder-decoder for a ``FoundationBackbone``, or another one of ours.

    A few things are done for you. ``in_channels`` and ``strides`` (``feature_strides``) that
    heads leave out are taken from the backbone, unless a neck stands between. Mask queries that
    the adapter makes are handed to a head that takes them. A training step that runs out of GPU
    memory is taken again with less, see ``MemoryBackoff``. Sliding windows are predicted
    ``test_cfg.window_batch`` at a time (default 1, or ``'auto'``: as many as
    ``test_cfg.window_memory`` GiB have room for, see ``WindowBatch``); the result equals one at a
    time. With ``test_cfg.keep_scores=False`` samples in windows get labels alone, as uint8, and
    the scores of all classes are never held for a whole image.

    Args:
        *args: of MMSegmentation's ``EncoderDecoder``.
        test_cfg: likewise, with the keys above.
        compile: keyword arguments of PyTorch's ``module.compile`` for the backbone, ``{}`` for
            its defaults; None compiles nothing. Parameters keep their names. The head is left as
            it is: compiled, it takes longer.
        **kwargs: of ``EncoderDecoder``.
    """

    def __init__(
        self,
        *args: object,
        test_cfg: dict | None = None,
        compile: dict | None = None,
        **kwargs: object,
    ) -> None:
        check_windows(test_cfg or {})
        super().__init__(*args, test_cfg=test_cfg, **kwargs)
        self._windows: WindowBatch | None = None
        if compile is not None:
            self.backbone.compile(**compile)

    def _init_decode_head(self, decode_head: dict) -> None:
        super()._init_decode_head(self._complete(dict(decode_head)))
        makes = getattr(self.backbone, 'queries', lambda: None)() is not None
        if makes and not self._head_takes_queries:
            raise ValueError(
                f'backbone.adapter makes mask queries, but decode_head '
                f'{type(self.decode_head).__name__} takes none; set backbone.adapter.queries=None'
            )

    def _complete(self, head: dict) -> dict:
        """Fill in what follows from the backbone."""
        head_type = head['type']
        head_class = MODELS.get(head_type) if isinstance(head_type, str) else head_type
        if head_class is None or self.with_neck or not hasattr(self.backbone, 'channels'):
            return head
        numbers = head.get('in_index', _default(head_class, 'in_index'))
        if numbers is None:
            numbers = range(len(self.backbone.channels))
        if isinstance(numbers, int):
            found = {'in_channels': self.backbone.channels[numbers]}
        else:
            found = {'in_channels': [self.backbone.channels[k] for k in numbers]}
            strides = [self.backbone.strides[k] for k in numbers]
            for key in ('strides', 'feature_strides'):
                if _default(head_class, key, missing=head) is not head:
                    found[key] = strides
        return {**found, **{k: v for k, v in head.items() if v is not None or k not in found}}

    def _init_auxiliary_head(self, auxiliary_head: dict | list[dict] | None) -> None:
        if isinstance(auxiliary_head, dict):
            auxiliary_head = self._complete(dict(auxiliary_head))
        elif auxiliary_head:
            auxiliary_head = [self._complete(dict(head)) for head in auxiliary_head]
        super()._init_auxiliary_head(auxiliary_head)

    @property
    def _head_takes_queries(self) -> bool:
        return getattr(self.decode_head, 'takes_queries', False)

    def query_args(self) -> dict:
        """Keyword arguments that carry the backbone's queries to a head that takes them."""
        if not self._head_takes_queries or not hasattr(self.backbone, 'queries'):
            return {}
        queries = self.backbone.queries()
        return {} if queries is None else {'queries': queries}

    def _decode_head_forward_train(self, inputs: list[Tensor], data_samples: SampleList) -> dict:
        losses = self.decode_head.loss(inputs, data_samples, self.train_cfg, **self.query_args())
        return {f'decode.{name}': value for name, value in losses.items()}

    def _forward(self, inputs: Tensor, data_samples: SampleList | None = None) -> Tensor:
        return self.decode_head.forward(self.extract_feat(inputs), **self.query_args())

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Class scores (B, K, H, W) of images (B, 3, H, W), at the size of the images."""
        # A torch.Size is what MMSegmentation's heads take for "the size to predict at".
        size = torch.Size(inputs.shape[-2:])
        metas = [{**meta, 'img_shape': size} for meta in batch_img_metas]
        for meta in metas:
            meta.pop('pad_shape', None)
        return self.decode_head.predict(
            self.extract_feat(inputs), metas, self.test_cfg, **self.query_args()
        )

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Class scores (B, K, H, W): the mean over overlapping windows.

        ``test_cfg`` gives ``crop_size`` and ``stride`` (height, width) and ``window_batch``.
        """
        return torch.cat(list(self._bands(inputs, batch_img_metas)), dim=2)

    def _bands(self, inputs: Tensor, batch_img_metas: list[dict]) -> Iterator[Tensor]:
        """Class scores (B, K, rows, W) of one band of the images after the other."""
        asked = window_batch_of(self.test_cfg)
        if self._windows is None or not self._windows.asks_as(asked):
            self._windows = asked
        boxes = window_boxes(inputs.shape[-2:], self.test_cfg.crop_size, self.test_cfg.stride)
        meta = batch_img_metas[0]
        return stitched_bands(
            inputs,
            boxes,
            self._windows,
            lambda crops: self.encode_decode(crops, [meta] * len(crops)),
        )

    def predict(self, inputs: Tensor, data_samples: SampleList | None = None) -> SampleList:
        """As MMSegmentation's segmentors do; labels alone where scores need not be kept."""
        if self.test_cfg.get('keep_scores', True) or not self._labels_suffice(inputs, data_samples):
            return super().predict(inputs, data_samples)
        metas = [sample.metainfo for sample in data_samples]
        labels = [band.argmax(1).byte() for band in self._bands(inputs, metas)]
        for sample, each in zip(data_samples, torch.cat(labels, dim=1), strict=True):
            sample.pred_sem_seg = PixelData(data=each[None])
        return data_samples

    def _labels_suffice(self, inputs: Tensor, data_samples: SampleList | None) -> bool:
        """Whether the labels at the size of the inputs are those of the images."""
        if not data_samples or self.test_cfg.mode != 'slide' or not 2 <= self.out_channels <= 256:
            return False
        sizes = {tuple(sample.metainfo['ori_shape'][:2]) for sample in data_samples}
        moved = any(
            sample.metainfo.get('flip', False)
            or any(sample.metainfo.get('img_padding_size', sample.metainfo.get('padding_size', ())))
            for sample in data_samples
        )
        return sizes == {tuple(inputs.shape[-2:])} and not moved


def _default(part: type, argument: str, missing: object = None) -> object:
    """Default of a constructor's argument, looked for in the bases too; ``missing`` without."""
    for base in part.__mro__:
        parameter = inspect.signature(base.__init__).parameters.get(argument)
        if parameter is not None:
            return None if parameter.default is parameter.empty else parameter.default
    return missing
