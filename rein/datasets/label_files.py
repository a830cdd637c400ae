"""What the numbers in a label file mean, and how to read them without harm.

Two formats lose their class numbers when they are read the usual way. OpenCV turns a palette PNG
(GTA5, Mapillary) into colours; Pillow keeps the high byte of a 16-bit colour PNG (SYNTHIA), which
is 0 for every class. Each encoding here reads its files the one way that works.
"""

import io
from collections.abc import Mapping
from functools import cached_property

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from rein.datasets.classes import IGNORE
from rein.datasets.png import read_numbers, unpacked

UNKNOWN = 254  # marks a number without a meaning in the lookup tables
LARGEST = 2**16 - 1  # numbers are below; itself it stands for any that is larger
# What the libraries raise for a file that is damaged, or no image.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    MemoryError,
    Image.DecompressionBombError,
    cv2.error,
)
_RUN = 16  # pixels of a run from which on counting runs pays
_EXACT = 2**24  # numbers below which OpenCV's counts, which are float32, are whole


class LabelEncoding:
    """Class numbers in the only channel of an image: grey, palette, 8 or 16 bits.

    Args:
        ids: number in the file -> class number (below 254) or 255 for "no class".
        mend: what to do about a number that is not in ``ids``; part of the error.
    """

    def __init__(self, ids: Mapping[int, int], mend: str = '') -> None:
        bad = {k: v for k, v in ids.items() if not (0 <= k < LARGEST and _is_class(v))}
        if bad:
            raise ValueError(
                f'ids {bad} do not map numbers from 0 to {LARGEST - 1} to class numbers below '
                f'{UNKNOWN} or {IGNORE} (no class)'
            )
        self.ids = dict(ids)
        self.mend = mend

    @cached_property
    def _table(self) -> np.ndarray:
        table = np.full(LARGEST + 1, UNKNOWN, np.uint8)
        for number, label in self.ids.items():
            table[number] = label
        return table

    def read(self, path: str) -> np.ndarray:
        """Class numbers (H, W), uint8, of the label file at ``path``.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it cannot be decoded, is a colour picture, or holds unknown numbers.
        """
        return self.decode(read_bytes(path, 'label'), path)

    def decode(self, data: bytes, path: str) -> np.ndarray:
        """Class numbers (H, W), uint8, of the content of a label file.

        Args:
            data: content of the file.
            path: where it came from; part of the errors.

        Raises:
            ValueError: as ``read``.
        """
        return self._translate(self._numbers(path, data), path)

    def _numbers(self, path: str, data: bytes) -> np.ndarray:
        """Numbers in the file, (H, W), any integer type."""
        plain = read_numbers(data)
        if plain is not None:
            return plain
        try:
            with Image.open(io.BytesIO(data)) as file:
                mode = file.mode
                numbers = np.asarray(file)
        except UNREADABLE as error:
            raise broken(path, 'label', error) from error
        depth = png_depth(data)
        if mode == 'L' and depth in (2, 4):
            raise ValueError(
                f'label {path} is a grey PNG of {depth} bits, whose numbers image programs stretch '
                f'to 0 to 255 and others do not: save it with 8 bits or a palette. {self.mend}'
            )
        if numbers.ndim != 2 or mode == 'F':
            raise ValueError(
                f'label {path} is a picture of mode {mode}, not a map of class numbers (modes L, '
                f'P and I): give the folder of the class numbers, not of their colours. {self.mend}'
            )
        return numbers.astype(np.uint8) if mode == '1' else numbers

    def _translate(self, numbers: np.ndarray, path: str) -> np.ndarray:
        """Class numbers for numbers in a file, by the table."""
        if numbers.dtype.itemsize > 2:
            numbers = np.where((numbers < 0) | (numbers >= LARGEST), LARGEST, numbers)
        if numbers.dtype == np.uint8:
            labels = cv2.LUT(numbers, self._table[:256])  # several times faster than indexing
        else:
            labels = self._table[numbers]
        unknown = labels == UNKNOWN
        if unknown.any():
            found = np.unique(numbers[unknown]).tolist()
            raise ValueError(
                f'label {path} holds the numbers {_short(found)} in {int(unknown.sum())} pixels; '
                f'allowed are {_ranges(sorted(self.ids))}. {self.mend}'
            )
        return labels


class RedChannelEncoding(LabelEncoding):
    """Class numbers in the red channel of a 16-bit colour PNG, as SYNTHIA writes them."""

    def _numbers(self, path: str, data: bytes) -> np.ndarray:
        pixels = decode(data, cv2.IMREAD_UNCHANGED, path, 'label')
        if pixels.ndim != 3 or pixels.dtype != np.uint16:
            raise ValueError(
                f'label {path} is {pixels.dtype} of shape {pixels.shape}, not a 16-bit colour '
                'PNG with the class in its red channel; a program that reads 8 bits has saved it '
                'anew and lost the classes: take the file of the release'
            )
        return pixels[..., 2]  # OpenCV's order is blue, green, red


def histogram(labels: np.ndarray) -> np.ndarray:
    """Count the pixels of each number in labels (H, W), uint8: (256,), int64.

    Runs of equal numbers, of which label maps consist, are counted whole; what is not like that
    takes OpenCV's way, the faster one there.
    """
    flat = labels.ravel()
    changes = flat[1:] != flat[:-1]
    if np.count_nonzero(changes) * _RUN < flat.size:
        ends = np.flatnonzero(changes)
        lengths = np.diff(ends, prepend=-1, append=flat.size - 1)
        numbers = np.append(flat[ends], flat[-1])
        return np.bincount(numbers, lengths, minlength=256).astype(np.int64)
    if labels.size >= _EXACT:
        return np.bincount(flat, minlength=256)
    return cv2.calcHist([labels], [0], None, [256], [0, 256]).ravel().astype(np.int64)


def read_bytes(path: str, what: str) -> bytes:
    """Read a file; the error for a missing one says what it was wanted for."""
    try:
        with open(path, 'rb') as file:
            return file.read()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'there is no {what} {path}; it was there when the data set was listed, or the list '
            'of images names it: put it back or take it off the list'
        ) from error


def decode(data: bytes, flags: int, path: str, what: str) -> np.ndarray:
    """Pixels of an image file as OpenCV gives them.

    Args:
        data: content of the file.
        flags: of ``cv2.imdecode``.
        path: where it came from; part of the error.
        what: 'image' or 'label'; likewise.

    Raises:
        ValueError: it is not an image, or not whole.
    """
    try:
        pixels = cv2.imdecode(np.frombuffer(unpacked(data), np.uint8), flags)
    except cv2.error as error:
        raise broken(path, what, error) from error
    if pixels is None:
        raise broken(path, what, 'not an image, or cut off')
    return pixels


def png_depth(data: bytes) -> int | None:
    """Bits of a sample in a PNG file; None for files of other kinds."""
    return data[24] if data.startswith(b'\x89PNG') and len(data) > 24 else None


def ends_well(head: bytes, tail: bytes) -> bool:
    """Whether a JPEG or PNG has its end mark as its end; anything else is to be looked at.

    Args:
        head: first bytes of the file.
        tail: its last 12 bytes or more.
    """
    if head.startswith(b'\xff\xd8'):
        return tail.endswith(b'\xff\xd9')
    return head.startswith(b'\x89PNG') and b'IEND' in tail[-12:]


def broken(path: str, what: str, reason: object) -> ValueError:
    """Make the error for a file that is not whole."""
    if isinstance(reason, UnidentifiedImageError):
        reason = 'it is no image, or its beginning is missing'  # Pillow's names an address
    return ValueError(
        f'{what} {path} cannot be decoded ({reason}): the file is cut off or damaged; fetch or '
        'copy it again, or leave it out: by split_file, or by --skip-damaged while preparing'
    )


def _is_class(label: int) -> bool:
    return 0 <= label < UNKNOWN or label == IGNORE


def _short(numbers: list[int], limit: int = 12) -> str:
    shown = ', '.join(str(n) for n in numbers[:limit])
    return shown if len(numbers) <= limit else f'{shown}, ... ({len(numbers)} in all)'


def _ranges(numbers: list[int]) -> str:
    """Write sorted numbers briefly: "0-18, 255"."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ', '.join(str(a) if a == b else f'{a}-{b}' for a, b in runs)
