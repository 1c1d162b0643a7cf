"""Resident memory of a process that extracts faces from many videos: it must not grow.

    python -m benchmarks.memory FOLDER [FOLDER …] [--videos 300]

The videos of the folders are repeated until their number is reached. Reads the memory ten times,
from /proc, so it needs Linux.
"""

import itertools
from pathlib import Path

import cv2
import torch

from benchmarks.shared import find_videos, new_parser
from common import errors
from common.preprocessing import FaceConfig
from faces.detect import FaceDetector
from faces.extract import extract_faces
from flags.types import at_least

READINGS = 10


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of .mp4 files")
    parser.add_argument("--videos", type=at_least(READINGS), default=300, help="videos to extract")
    flags = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    videos = find_videos(flags.folders)
    detector = FaceDetector(FaceConfig())
    interval = flags.videos // READINGS
    readings = []
    for number, video in enumerate(itertools.islice(itertools.cycle(videos), flags.videos), 1):
        extract_faces(video, detector)
        if number % interval == 0:
            readings.append(resident_mb())
            print(f"{number:4} videos: {readings[-1]:5.0f} MB", flush=True)
    change = readings[-1] / readings[0] - 1
    print(f"change from the first to the last reading: {change:+.1%}")
    return 0


def resident_mb() -> float:
    """Return the resident memory of this process in MB. Raise OSError if the system does not state
    it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status does not state the resident memory")


if __name__ == "__main__":
    errors.run(main)
