"""The one file that a detector is deployed as: written whole, read with suspicion.

An uncompressed zip of encoder.onnx (frames (N, C, H, W) float32 → features (N, E)), head.onnx
(features (B, T, E) float32, mask (B, T) bool → logits (B, K)) and detector.json: all else that
judging needs.
"""

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.checkpointing import EXPORT_ENTRY, is_exported
from common.errors import CheckpointError, one_line
from common.files import replacing

FORMAT = 1  # raised when a part changes its meaning
ENCODER, HEAD, ABOUT = "encoder.onnx", "head.onnx", EXPORT_ENTRY
LIMITS = {ENCODER: 2**31, HEAD: 2**31, ABOUT: 2**24}  # bytes; protobuf knows no more than 2 GiB


@dataclass(frozen=True)
class Exported:
    encoder: bytes
    head: bytes
    about: dict[str, Any]


def write(path: Path, exported: Exported) -> None:
    """A kill at any moment leaves the file as it was before."""
    about = json.dumps({"format": FORMAT, **exported.about}, indent=1)
    with replacing(path) as partial, partial.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(ENCODER, exported.encoder)
            archive.writestr(HEAD, exported.head)
            archive.writestr(ABOUT, about)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> Exported:
    """Into memory, never onto the disk. Raise CheckpointError for a file that is missing, damaged,
    foreign or of another version."""
    if not path.is_file():
        raise CheckpointError(f"no exported detector at {path}")
    if not is_exported(path):
        raise CheckpointError(
            f"{path} is damaged or no exported detector: make one by score.py --export"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name: _part(archive, name) for name in LIMITS}
        about = json.loads(parts[ABOUT])
    except Exception as error:  # zipfile and json raise many kinds for a file made to deceive
        raise CheckpointError(f"{path} is damaged ({one_line(error)})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else None
        raise CheckpointError(f"{path} has export format {found!r}, this version reads {FORMAT}")
    return Exported(parts[ENCODER], parts[HEAD], about)


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    """Raise BadZipFile, among others, for a part that is not as `write` writes it. Stored, it is
    no larger than the file."""
    found = [info for info in archive.infolist() if info.filename == name]
    if len(found) != 1 or found[0].compress_type != zipfile.ZIP_STORED:
        raise zipfile.BadZipFile(f"{name} should be in it once and uncompressed")
    if found[0].file_size > LIMITS[name]:
        raise zipfile.BadZipFile(f"{name} has {found[0].file_size:,} bytes")
    return archive.read(found[0])
