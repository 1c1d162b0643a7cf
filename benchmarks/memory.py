"""Resident memory of one extracting process over many videos: it must stay flat.

python -m benchmarks.memory FOLDER [FOLDER …] [--videos 300]
"""

import argparse
import itertools
from pathlib import Path

import cv2
import torch

from common.preprocessing import FaceConfig
from faces.detect import FaceDetector
from faces.extract import extract_faces

EVERY = 30  # videos between two lines


def resident_mb() -> float:
    """Of this process, now (Linux)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status does not tell the resident memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--videos", type=int, default=300)
    flags = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    clips = sorted(path for folder in flags.folders for path in folder.rglob("*.mp4"))
    detector = FaceDetector(FaceConfig())
    readings = []
    for number, clip in enumerate(itertools.islice(itertools.cycle(clips), flags.videos), 1):
        extract_faces(clip, detector)
        if number % EVERY == 0:
            readings.append(resident_mb())
            print(f"{number:4} videos: {readings[-1]:5.0f} MB", flush=True)
    change = readings[-1] / readings[0] - 1
    print(f"after {flags.videos} videos {change:+.1%} against after {EVERY}")


if __name__ == "__main__":
    main()
