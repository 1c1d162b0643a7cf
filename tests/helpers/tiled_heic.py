"""Writes HEIC pictures of several tiles, as phones do: no library at hand writes them."""

import io
import struct
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

GRID = 1000  # number of the item that joins the tiles


def write_tiled(path: Path, image: np.ndarray, tile: int, turns: int = 0, curve: int = 1) -> Path:
    """Write an image (H, W, 3) uint8 RGB in tiles of `tile` × `tile` pixels, of which H and W are
    multiples. The file asks to turn it by `turns` × 90° anticlockwise, and states the transfer
    `curve` of ITU-T H.273. The layout is that of ISO/IEC 23008-12."""
    rows, columns = image.shape[0] // tile, image.shape[1] // tile
    parts = [
        _encode(image[top : top + tile, left : left + tile])
        for top in range(0, rows * tile, tile)
        for left in range(0, columns * tile, tile)
    ]
    size = image.shape[1], image.shape[0]
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *size)
    data = {GRID: grid} | {number: part for number, (_, part) in enumerate(parts, 1)}
    kind = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    properties = [
        parts[0][0],
        _full(b"ispe", struct.pack(">II", tile, tile)),
        _full(b"ispe", struct.pack(">II", *size)),
        _box(b"irot", bytes([turns])),
        _box(b"colr", b"nclx", struct.pack(">HHHB", 1, curve, 1, 128)),
    ]
    start = len(kind) + len(_meta(data, properties, 0)) + 8
    path.write_bytes(kind + _meta(data, properties, start) + _box(b"mdat", b"".join(data.values())))
    return path


def _encode(tile: np.ndarray) -> tuple[bytes, bytes]:
    """Return the box hvcC of an encoded tile, and its data."""
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(tile)).save(file, quality=95)
    content = file.getvalue()
    start = content.index(b"hvcC") - 4
    length = int.from_bytes(content[start : start + 4], "big")
    return content[start : start + length], content[content.index(b"mdat") + 4 :]


def _meta(data: dict[int, bytes], properties: list[bytes], start: int) -> bytes:
    """Return the box that describes the items in `data`, which begins at the byte `start`."""
    tiles = [number for number in data if number != GRID]
    entries, places = b"", b""
    for number, part in data.items():
        codec = b"grid" if number == GRID else b"hvc1"
        entries += _full(b"infe", struct.pack(">HH", number, 0), codec, b"\0", version=2)
        places += struct.pack(">HHHII", number, 0, 1, start, len(part))
        start += len(part)
    uses = struct.pack(">HBBBB", GRID, 3, 3, 0x80 | 4, 5)
    uses += b"".join(struct.pack(">HBBB", number, 2, 0x80 | 1, 2) for number in tiles)
    order = struct.pack(f">HH{len(tiles)}H", GRID, len(tiles), *tiles)
    return _full(
        b"meta",
        _full(b"hdlr", bytes(4), b"pict", bytes(13)),
        _full(b"pitm", struct.pack(">H", GRID)),
        _full(b"iloc", struct.pack(">HH", 0x4400, len(data)), places),
        _full(b"iinf", struct.pack(">H", len(data)), entries),
        _full(b"iref", _box(b"dimg", order)),
        _box(
            b"iprp",
            _box(b"ipco", *properties),
            _full(b"ipma", struct.pack(">I", len(data)), uses),
        ),
    )


def _full(name: bytes, *parts: bytes, version: int = 0) -> bytes:
    return _box(name, bytes([version, 0, 0, 0]), *parts)


def _box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + name + content
