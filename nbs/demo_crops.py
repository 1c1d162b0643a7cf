"""Draws videos and cuts face crops of them for the notebooks, once."""

import subprocess
import sys
from pathlib import Path

from demo.generate import generate

FOLDER = Path("data/notebook")
SOURCES = 12
FLAGS = (
    *("--undersample", "False", "--val_share", "0.25", "--test_share", "0.25"),
    *("--frames_per_video", "8", "--face_size", "64", "--margin", "0.1"),
)


def videos_folder() -> Path:
    """Return the folder of SOURCES drawn real videos, and four fakes of each, laid out as DFDC."""
    videos = FOLDER / f"videos_{SOURCES}"
    if not videos.exists():
        generate(videos, SOURCES, 0, frames=30, workers=1)
    return videos


def demo_crops() -> Path:
    """Return the manifest of their crops."""
    videos, crops = videos_folder(), FOLDER / f"crops_{SOURCES}"
    manifest = crops / "videos_df.csv"
    if not manifest.exists():
        command = [sys.executable, "preprocess_dfdc.py", "--input", videos, "--output", crops]
        subprocess.run([*map(str, command), *FLAGS], check=True, stderr=subprocess.DEVNULL)
    return manifest
