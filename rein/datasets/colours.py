"""Masks that say the class of a pixel by its colour."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from rein.datasets.label_files import UNKNOWN, UNREADABLE, LabelEncoding, broken, png_depth

EIGHT_BITS = ('1', 'L', 'P', 'RGB')  # modes of Pillow whose colours are exact


class ColourEncoding(LabelEncoding):
    """Classes in the exact colours of an image.

    Args:
        colours: (red, green, blue), 0 to 255 -> class number (below 254), or 255 for "no class".
        mend: what to do about a colour that is not in ``colours``; part of the error.
    """

    def __init__(self, colours: Mapping[Sequence[int], int], mend: str = '') -> None:
        bad = [c for c in colours if len(c) != 3 or not all(0 <= v <= 255 for v in c)]
        if bad:
            raise ValueError(
                f'colours {bad} are not three numbers (red, green, blue) from 0 to 255'
            )
        packed = {_pack(*map(int, colour)): label for colour, label in colours.items()}
        super().__init__(dict(enumerate(packed.values())), mend)  # it checks the class numbers
        self.ids = packed
        self._colours = np.array(sorted(packed), np.uint32)
        self._labels = np.array([packed[c] for c in sorted(packed)], np.uint8)

    def _numbers(self, path: str, data: bytes) -> np.ndarray:
        try:
            with Image.open(io.BytesIO(data)) as file:
                mode = file.mode
                pixels = np.asarray(file.convert('RGB'), np.uint32)
        except UNREADABLE as error:
            raise broken(path, 'label', error) from error
        if mode not in EIGHT_BITS or png_depth(data) == 16:
            raise ValueError(
                f'label {path} has mode {mode} and {png_depth(data)} bits, not 8-bit colours: its '
                f'colours would be cut. {self.mend}'
            )
        return _pack(pixels[..., 0], pixels[..., 1], pixels[..., 2])

    def _translate(self, numbers: np.ndarray, path: str) -> np.ndarray:
        places = np.searchsorted(self._colours, numbers).clip(max=len(self._colours) - 1)
        labels = np.where(self._colours[places] == numbers, self._labels[places], UNKNOWN)
        unknown = labels == UNKNOWN
        if unknown.any():
            found = [_unpack(int(c)) for c in np.unique(numbers[unknown])[:5]]
            raise ValueError(
                f'label {path} holds colours such as {", ".join(map(str, found))} in '
                f'{int(unknown.sum())} pixels; known are '
                f'{", ".join(str(_unpack(int(c))) for c in self._colours[:20])}. JPEG files and '
                f'resized masks hold mixed colours: take exact ones. {self.mend}'
            )
        return labels.astype(np.uint8)


def _pack(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> np.ndarray:
    return red * 65536 + green * 256 + blue


def _unpack(colour: int) -> tuple[int, int, int]:
    return colour >> 16, colour >> 8 & 255, colour & 255
