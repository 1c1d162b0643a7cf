"""Decodes pictures of several tiles, as phones take them (HEIC, AVIF), with Pillow: FFmpeg does not
join the tiles."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from common.errors import VideoError
from faces import limits
from faces.frames import ChooseFrames, Frames, WholeVideo
from faces.timeline import Timeline

# The layout of the file: ISO/IEC 23008-12. An item of the type grid joins the tiles. The items are
# listed in the first box after the kind of the file.
BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"}
HEAD = 1 << 17  # bytes
CURVES = {16: "PQ", 18: "HLG"}  # transfer_characteristics of ITU-T H.273
HELD = 6  # images of 4 bytes per pixel that libheif and Pillow hold while they decode
CODECS = {"HEIF": "hevc", "AVIF": "av1"}
ONE_IMAGE = Timeline(1, 0.0)


def is_tiled(path: Path) -> bool:
    """Return whether a file is a picture of several tiles. Raise OSError if it cannot be read."""
    head = _head(path)
    return head[4:8] == b"ftyp" and head[8:12] in BRANDS and b"grid" in head


def read(path: Path, choose: ChooseFrames) -> Iterator[Frames]:
    """Yield the picture as the only frame of a video. Raise VideoError if it is damaged or does not
    fit into memory."""
    image, codec = _decode(path)
    yield Frames([image], [0], ONE_IMAGE, 1, codec, _note(path))


@contextmanager
def every_frame(path: Path) -> Iterator[WholeVideo]:
    """Open the picture as a video of one frame. Raise VideoError as `read` does."""
    image, _ = _decode(path)
    yield WholeVideo(ONE_IMAGE, 1, iter([(0, image)]))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _note(path: Path) -> str:
    """Return a note if the picture has a high dynamic range, which Pillow does not tone-map."""
    head = _head(path)
    start = head.find(b"colrnclx")
    curve = CURVES.get(int.from_bytes(head[start + 10 : start + 12], "big")) if start >= 0 else None
    return f"high dynamic range ({curve}), not tone-mapped" if curve else ""


def _decode(path: Path) -> tuple[np.ndarray, str]:
    """Return the picture (H, W, 3) uint8 RGB, upright, and its codec."""
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener()
    try:
        with Image.open(path, formats=list(CODECS)) as image:
            width, height = image.size
            limits.check_ratio(width, height)
            if width * height * 4 * HELD > limits.MEMORY:
                raise VideoError(f"a picture of {width} × {height} pixels needs too much memory")
            upright = ImageOps.exif_transpose(image)
            return np.array(upright.convert("RGB")), CODECS[str(image.format)]
    except Image.DecompressionBombError as error:
        raise VideoError("a picture that needs too much memory") from error
    except (EOFError, OSError, RuntimeError, SyntaxError, ValueError) as error:
        raise VideoError("a damaged picture of several tiles") from error
