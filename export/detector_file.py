"""Reads and writes the single file of an exported detector, and checks it when reading.

It is an uncompressed zip with three members:
encoder.onnx: frames (N, C, H, W) float32 → features (N, E)
head.onnx: features (B, T, E) float32, mask (B, T) bool, False for padding → logits (B, K)
detector.json: everything else that scoring needs
"""

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import foreign
from common.checkpointing import EXPORT_ENTRY, is_exported
from common.errors import CheckpointError, DataError, one_line
from common.files import replacing

FORMAT = 1  # raised if the meaning of a member changes
ENCODER, HEAD, ABOUT = "encoder.onnx", "head.onnx", EXPORT_ENTRY
LIMITS = {ENCODER: 2**31, HEAD: 2**31, ABOUT: 2**24}  # maximum bytes; protobuf allows 2 GiB


@dataclass(frozen=True)
class DetectorFile:
    """The content of the file of an exported detector."""

    encoder: bytes  # ONNX graph
    head: bytes  # ONNX graph
    about: dict[str, Any]  # content of detector.json; `format` is added when writing


def write(path: Path, content: DetectorFile) -> None:
    """Write the file atomically: if the process is killed, `path` has its old or new content."""
    about = json.dumps({"format": FORMAT, **content.about}, indent=1)
    with replacing(path) as partial, partial.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(ENCODER, content.encoder)
            archive.writestr(HEAD, content.head)
            archive.writestr(ABOUT, about)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> DetectorFile:
    """Read the file into memory, without extracting it to disk. Raise CheckpointError if it is
    missing, damaged, not an exported detector, or of another format version."""
    if not path.is_file():
        raise CheckpointError(f"no exported detector at {path}")
    if not is_exported(path):
        raise CheckpointError(
            f"{path} is damaged or not an exported detector: make one with score.py --export"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name: _read_part(archive, name) for name in LIMITS}
        about = foreign.parse_json(parts[ABOUT], ABOUT)
    except DataError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except Exception as error:  # zipfile raises many types for a hostile file
        raise CheckpointError(f"{path} is damaged ({one_line(error)})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        version = about.get("format") if isinstance(about, dict) else None
        raise CheckpointError(f"{path} has export format {version!r}, this version reads {FORMAT}")
    return DetectorFile(parts[ENCODER], parts[HEAD], about)


def _read_part(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the bytes of the member `name`. Raise BadZipFile if it does not occur exactly once, is
    compressed (an uncompressed one cannot be larger than the file), exceeds its limit, or is
    damaged; zipfile may raise other errors for a damaged file."""
    entries = [info for info in archive.infolist() if info.filename == name]
    if len(entries) != 1 or entries[0].compress_type != zipfile.ZIP_STORED:
        raise zipfile.BadZipFile(f"it must contain {name} once and uncompressed")
    if entries[0].file_size > LIMITS[name]:
        raise zipfile.BadZipFile(f"{name} has {entries[0].file_size:,} bytes, too many")
    return archive.read(entries[0])
