"""Label maps as PNG files, several times faster than image libraries read and write them.

Rows of palette and label PNGs are mostly stored as they are (PNG's filter 0), so unpacking them
is all that reading takes. Neighbours in a label map are mostly equal, so packing runs of equal
numbers is all that writing takes: the search for longer patterns costs most of the time and gains
little.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from zlib_ng import zlib_ng

_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_HEADER = '>IIBBBBB'
_GREY, _PALETTE = 0, 3  # types of pixels


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
    return _SIGNATURE + b''.join(_chunk(name, content) for name, content in chunks)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk up to the end; ValueError or struct.error if damaged."""
    if not data.startswith(_SIGNATURE):
        return
    place = len(_SIGNATURE)
    while True:
        length, name = struct.unpack_from('>I4s', data, place)
        content = data[place + 8 : place + 8 + length]
        (code,) = struct.unpack_from('>I', data, place + 8 + length)
        if code != zlib.crc32(content, zlib.crc32(name)):
            raise ValueError('damaged')
        yield name, content
        if name == b'IEND':
            return
        place += 12 + length


def _chunk(name: bytes, content: bytes) -> bytes:
    code = zlib.crc32(content, zlib.crc32(name))
    return struct.pack('>I', len(content)) + name + content + struct.pack('>I', code)
