"""Label maps as PNG files, several times faster than image libraries read and write them.

Rows of palette and label PNGs are mostly stored as they are (PNG's filter 0), so unpacking them
is all that reading takes. Images are unpacked here too, by zlib-ng in about half the time of the
zlib in OpenCV's packages, and left to OpenCV for the rest. Neighbours in a label map are mostly
equal, so packing runs of equal numbers is all that writing takes: the search for longer patterns
costs most of the time and gains little.
"""

import struct
from collections.abc import Iterator

import numpy as np
from zlib_ng import zlib_ng

_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_HEADER = '>IIBBBBB'
_GREY, _PALETTE = 0, 3  # types of pixels
_CHANNELS = {_GREY: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
_BLOCK = 2**16 - 1  # most bytes that a block of zlib's format stores unpacked


def read_numbers(data: bytes) -> np.ndarray | None:
    """Numbers in a grey or palette PNG of 8 bits whose rows are stored as they are.

    Args:
        data: content of the file.

    Returns:
        (H, W), uint8, not writable; None for a file of another kind, or one that is damaged: let
        an image library read it and say what is wrong.
    """
    try:
        chunks = list(_chunks(data))
        if not chunks or chunks[0][0] != b'IHDR' or chunks[-1][0] != b'IEND':
            return None
        width, height, depth, kind, _, _, interlaced = struct.unpack(_HEADER, chunks[0][1])
        if depth != 8 or kind not in (_GREY, _PALETTE) or interlaced:
            return None
        packed = b''.join(content for name, content in chunks if name == b'IDAT')
        rows = np.frombuffer(zlib_ng.decompress(packed), np.uint8)
    except (struct.error, zlib_ng.error, ValueError):
        return None
    if rows.size != height * (width + 1):
        return None
    rows = rows.reshape(height, width + 1)  # each row begins with its filter
    return None if rows[:, 0].any() else rows[:, 1:]


def unpacked(data: bytes) -> bytes:
    """The same PNG file with its pixels unpacked, for a library that is slow at that.

    Filters, colours, orientation and all else stay as they are: what a library makes of it is what
    it would have made of ``data``.

    Args:
        data: content of a file.

    Returns:
        Content of a PNG file; ``data`` itself if it is none, is damaged, interlaced, or has fewer
        than 8 bits: let an image library read it and say what is wrong.
    """
    try:
        chunks = list(_chunks(data))
        if not chunks or chunks[0][0] != b'IHDR' or chunks[-1][0] != b'IEND':
            return data
        width, height, depth, kind, _, _, interlaced = struct.unpack(_HEADER, chunks[0][1])
        if depth < 8 or kind not in _CHANNELS or interlaced:
            return data
        size = height * (1 + width * _CHANNELS[kind] * depth // 8)
        packed = b''.join(content for name, content in chunks if name == b'IDAT')
        pixels = zlib_ng.decompress(packed, bufsize=size + 1)  # one more: it need not grow
    except (struct.error, zlib_ng.error, ValueError):
        return data
    if len(pixels) != size:
        return data
    first = [name for name, _ in chunks].index(b'IDAT')
    after = [chunk for chunk in chunks[first:] if chunk[0] != b'IDAT']
    made = [*chunks[:first], *_stored(pixels), *after]
    return b''.join([_SIGNATURE, *(part for chunk in made for part in _parts(*chunk))])


def _stored(pixels: bytes) -> Iterator[tuple[bytes | memoryview, ...]]:
    """Chunks that hold the rows of a PNG unpacked, small as some libraries bound them."""
    view = memoryview(pixels)
    yield b'IDAT', b'\x78\x01'
    for start in range(0, len(view), _BLOCK):
        block = view[start : start + _BLOCK]
        last = start + _BLOCK >= len(view)
        yield b'IDAT', struct.pack('<BHH', last, len(block), len(block) ^ _BLOCK), block
    yield b'IDAT', struct.pack('>I', zlib_ng.adler32(view))


def encode_labels(labels: np.ndarray) -> bytes:
    """Pack a label map into a grey PNG.

    Args:
        labels: (H, W), uint8.

    Raises:
        ValueError: it is of another shape or type, or has no pixels.
    """
    if labels.ndim != 2 or labels.dtype != np.uint8 or labels.size == 0:
        raise ValueError(
            f'labels are {labels.dtype} of shape {labels.shape}; give one uint8 number a pixel'
        )
    height, width = labels.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = labels
    packer = zlib_ng.compressobj(level=1, strategy=zlib_ng.Z_RLE)
    packed = packer.compress(rows) + packer.flush()
    header = struct.pack(_HEADER, width, height, 8, _GREY, 0, 0, 0)
    chunks = ((b'IHDR', header), (b'IDAT', packed), (b'IEND', b''))
    return b''.join([_SIGNATURE, *(part for chunk in chunks for part in _parts(*chunk))])


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and content of each chunk up to the end; ValueError or struct.error if damaged."""
    if not data.startswith(_SIGNATURE):
        return
    view = memoryview(data)
    place = len(_SIGNATURE)
    while True:
        length, name = struct.unpack_from('>I4s', view, place)
        content = view[place + 8 : place + 8 + length]
        (code,) = struct.unpack_from('>I', view, place + 8 + length)
        if code != zlib_ng.crc32(content, zlib_ng.crc32(name)):
            raise ValueError('damaged')
        yield name, content
        if name == b'IEND':
            return
        place += 12 + length


def _parts(name: bytes, *contents: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """What a chunk consists of; its content may come in pieces."""
    code = zlib_ng.crc32(name)
    for content in contents:
        code = zlib_ng.crc32(content, code)
    length = sum(len(content) for content in contents)
    yield from (struct.pack('>I', length), name, *contents, struct.pack('>I', code))
