"""preprocess_dfdc.py called by tests, and what it wrote."""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import preprocess_dfdc
from common import errors
from datasets import manifest

PART = "dfdc_train_part_0"
SEED = "1"  # with it one of the two talking heads is in training, the other in validation
BAD = {"gone.mp4": "missing", "empty.mp4": "unreadable", "text.mp4": "unreadable"}


def flags(dataset: Path, output: Path) -> list[str]:
    return [
        *("--input", str(dataset), "--output", str(output)),
        *("--val_share", "0.3", "--test_share", "0", "--undersample", "False", "--seed", SEED),
        *("--frames_per_video", "6", "--face_size", "64", "--workers", "1"),
    ]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read(output: Path) -> pd.DataFrame:
    return manifest.read(output / "videos_df.csv").table


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The same entry point in this process, which spares a start; its exit code."""
    monkeypatch.setattr(sys, "argv", ["preprocess_dfdc.py", *words])
    with pytest.raises(SystemExit) as caught:
        errors.run(preprocess_dfdc.main)
    return int(caught.value.code or 0)


def small(root: Path, metadata: dict[str, Any]) -> Path:
    """Metadata alone: its videos are all missing, so that nothing is extracted."""
    (root / PART).mkdir(parents=True)
    (root / PART / "metadata.json").write_text(json.dumps(metadata))
    return root
