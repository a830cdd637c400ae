"""Pipeline steps that read images and labels and refuse what would train on nonsense."""

import io
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS
from PIL import Image

from rein.datasets.label_files import UNREADABLE, broken, decode, ends_well, read_bytes


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read ``img_path`` upright, as an 8-bit BGR image.

    Adds ``img`` (H, W, 3), ``img_shape`` and ``ori_shape`` (H, W). The orientation that a camera
    wrote into the file (EXIF) is applied; more than 8 bits are cut to the upper 8.
    """

    def __init__(self) -> None:
        """No arguments; with an ``__init__``, Python's error for an unknown key names the key."""
        super().__init__()

    def transform(self, results: dict) -> dict:
        """Read the image of ``results``.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not an image, or not whole.
        """
        image = read_image(results['img_path'])
        results['img'] = image
        results['img_shape'] = image.shape[:2]
        results['ori_shape'] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadLabels(BaseTransform):
    """Read ``seg_map_path`` as class numbers, 255 where there is no class.

    Adds ``gt_seg_map`` (H, W), uint8. What the numbers in the file mean is said by the data set
    (``label_encoding``). The size is compared with the image's own (``ori_shape``), so that
    labels may be loaded after the image was resized, as tests do.
    """

    def __init__(self) -> None:
        """No arguments, as ``LoadImage``."""
        super().__init__()

    def transform(self, results: dict) -> dict:
        """Read the labels of ``results``.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is damaged, holds numbers that mean nothing, or is of another size than
                the image.
        """
        path = results.get('seg_map_path')
        if path is None:
            raise ValueError(
                f'LoadLabels: {results.get("img_path")} has no label; leave LoadLabels out of the '
                'pipeline for images without labels'
            )
        if 'label_encoding' not in results:
            raise ValueError(
                "LoadLabels reads the labels of rein's data sets; for another one "
                "take type='LoadAnnotations'"
            )
        labels = results['label_encoding'].read(path)
        expected = tuple(results.get('ori_shape', labels.shape))[:2]
        if labels.shape != expected:
            raise ValueError(
                f'image {results.get("img_path")} is {_size(expected)} but its label {path} is '
                f'{_size(labels.shape)} (width x height); mend one of them, or leave the image '
                'out with split_file'
            )
        results['gt_seg_map'] = self._chosen(labels, results.get('label_map'))
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    @staticmethod
    def _chosen(labels: np.ndarray, label_map: dict[int, int] | None) -> np.ndarray:
        """Renumber for a config that keeps some of the classes (``metainfo.classes``)."""
        if label_map is None:
            return labels
        table = np.arange(256, dtype=np.uint8)
        table[list(label_map)] = list(label_map.values())
        return table[labels]


@TRANSFORMS.register_module()
class PackInputs(PackSegInputs):
    """MMSegmentation's ``PackSegInputs`` that keeps the sample's domain, which the metric needs.

    Args:
        more_keys: further entries to keep as meta information.
    """

    KEYS = (
        'domain',
        'img_path',
        'seg_map_path',
        'ori_shape',
        'img_shape',
        'pad_shape',
        'scale_factor',
        'flip',
        'flip_direction',
        'reduce_zero_label',
    )

    def __init__(self, more_keys: Sequence[str] = ()) -> None:
        super().__init__(meta_keys=(*self.KEYS, *more_keys))

    def transform(self, results: dict) -> dict:
        """Pack ``img``, labels and meta information; ``restyled`` and ``margins`` if there."""
        packed = super().transform(results)
        if 'margins' in results:
            margins = torch.from_numpy(np.ascontiguousarray(results['margins']))[None] > 0
            packed['data_samples'].set_data({'margins': PixelData(data=margins)})
        if 'restyled' in results:
            image = np.ascontiguousarray(results['restyled'].transpose(2, 0, 1))
            packed['restyled'] = torch.from_numpy(image)
        return packed


@TRANSFORMS.register_module()
class MarkMargins(BaseTransform):
    """Mark the borders of an image that show no street: the car itself, what the lens bends.

    ``SelfTraining`` learns nothing there. Adds ``margins`` (H, W), uint8, 1 in them, which is
    resized, cropped and flipped along with the image; so it comes before all of that.

    Args:
        top: rows of the image as it is read.
        bottom: the same at the lower border.
        left: columns.
        right: the same at the right border.

    Raises:
        ValueError: a number is negative, or all are 0.

    Source: Hoyer et al., ECCV 2022 (arXiv:2204.13132): 30, 240, 30 and 30 of Cityscapes.
    """

    def __init__(self, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> None:
        super().__init__()
        self.sides = top, bottom, left, right
        if min(self.sides) < 0 or not any(self.sides):
            raise ValueError(
                f'MarkMargins: top={top}, bottom={bottom}, left={left}, right={right}; give '
                'pixels, 0 or more, not all 0'
            )

    def transform(self, results: dict) -> dict:
        """Mark the margins of ``img``."""
        top, bottom, left, right = self.sides
        height, width = results['img'].shape[:2]
        margins = np.ones((height, width), np.uint8)
        margins[top : max(height - bottom, top), left : max(width - right, left)] = 0
        results['margins'] = margins
        results.setdefault('seg_fields', []).append('margins')
        return results


def read_image(path: str) -> np.ndarray:
    """Image at ``path``, upright: (H, W, 3), uint8, in the order blue, green, red.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not an image, or not whole.
    """
    data = read_bytes(path, 'image')
    if not data:
        raise broken(path, 'image', 'the file is empty')
    if not ends_well(data, data):
        # Older OpenCV fills what is missing with grey and says nothing; Pillow refuses.
        try:
            with Image.open(io.BytesIO(data)) as file:
                file.load()
        except UNREADABLE as error:
            raise broken(path, 'image', error) from error
    return decode(data, cv2.IMREAD_COLOR, path, 'image')


def _size(shape: tuple[int, ...]) -> str:
    return f'{shape[1]}x{shape[0]}'
