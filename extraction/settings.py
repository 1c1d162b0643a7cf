"""Records the settings that crops were made with, and checks that a continued run has the same."""

import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from common import foreign
from common.errors import DataError, UsageError
from common.files import write_text
from common.preprocessing import FaceConfig
from extraction.planning import SplitOptions

PACKAGES = ("torch", "torchvision", "facenet-pytorch", "av", "opencv-python-headless", "decord")


def check_crop_settings(crops: Path, faces: FaceConfig) -> None:
    """Record the settings `faces` in `crops`/faces.json before the first crop is written. Raise
    UsageError if the folder already holds crops made with other settings, DataError if faces.json
    is invalid."""
    path = crops / "faces.json"
    stored: dict[str, Any] = {}
    if path.is_file():
        stored = foreign.read_json(path)
        if not isinstance(stored, dict):
            raise DataError(f"{path} does not hold settings: delete the folder {crops}")
        stored = FaceConfig.ADDED | stored
    different = {k: v for k, v in faces.to_dict().items() if stored.get(k) != v}
    removed = {k: v for k, v in FaceConfig.REMOVED.items() if stored.get(k, v) != v}
    if stored and (different or removed) and any(crops.glob("*/*")):
        changes = [f"{k} {stored.get(k)} → {v}" for k, v in (different | removed).items()]
        raise UsageError(
            f"{crops} was made with other settings ({', '.join(changes)}): choose another "
            "--output, or delete that folder"
        )
    if different:
        crops.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(faces.to_dict(), indent=2) + "\n")


def manifest_record(
    faces: FaceConfig,
    splits: SplitOptions,
    *,
    root: Path,
    layout: str,
    shards_url: str | None,
    device: str,
) -> dict[str, Any]:
    """Return the content of videos_df.json: the input folder `root`, the crop settings, the layout,
    the URL of the shards (None without one), how videos were split and balanced, the device, and
    the versions of Python and the packages."""
    drawn = asdict(splits)
    undersample = drawn.pop("undersample")
    return {
        "input": str(root),
        "faces": faces.to_dict(),
        "layout": layout,
        "shards": shards_url,
        "splits": drawn,
        "balance": "undersample" if undersample else "none",
        "device": device,
        "versions": {"python": platform.python_version()} | _package_versions(),
    }


def _package_versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions
