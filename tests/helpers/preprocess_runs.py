"""Runs of preprocess_dfdc.py in this process, and their output."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import preprocess_dfdc
from common.lock import LOCK
from common.preprocessing import FaceConfig
from datasets import manifest
from extraction import pool
from tests.helpers.commands import run_here

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
        if path.is_file() and not path.name.startswith(LOCK)
    }


def read(output: Path) -> pd.DataFrame:
    return manifest.read(output / "videos_df.csv").table


def extract_here(
    jobs: list[pool.Job], config: FaceConfig, workers: int, timeout: float, device: object = None
) -> Iterator[float]:
    """Do the jobs of pool.run in this process: workers import torch, which takes most of the time
    of a small test. tests/extraction/test_pool.py tests the workers."""
    pool._start_worker(config, None)
    for job in jobs:
        yield pool._extract_and_store(job)


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    """Call preprocess_dfdc.py in this process, without workers; return its exit code."""
    monkeypatch.setattr(pool, "run", extract_here)
    return run_here(monkeypatch, preprocess_dfdc.main, *words)


def small(root: Path, metadata: dict[str, Any]) -> Path:
    """Write metadata only: all videos are missing, so that nothing is extracted."""
    (root / PART).mkdir(parents=True)
    (root / PART / "metadata.json").write_text(json.dumps(metadata))
    return root
