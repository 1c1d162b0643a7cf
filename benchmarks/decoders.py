"""Seconds that each decoder needs for the sampled frames of real videos, side by side.

python -m benchmarks.decoders /path/to/videos [--frames 32] [--repeats 3]
"""

import argparse
import statistics
import time
from pathlib import Path

from common import errors
from common.errors import UsageError
from common.preprocessing import FaceConfig
from faces.decode import READERS, read


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=32, help="evenly spaced frames per video")
    parser.add_argument("--repeats", type=int, default=3, help="the median of them is printed")
    flags = parser.parse_args()
    videos = sorted(flags.folder.rglob("*.mp4"))
    if not videos:
        raise UsageError(f"no .mp4 under {flags.folder}")
    print(f"{'video':<40}" + "".join(f"{name:>10}" for name in READERS))
    totals = dict.fromkeys(READERS, 0.0)
    for video in videos:
        seconds = measure(video, flags.frames, flags.repeats)
        for name, value in seconds.items():
            totals[name] += value
        print(f"{video.name:<40}" + "".join(f"{value:>10.2f}" for value in seconds.values()))
    print(f"{'all, seconds':<40}" + "".join(f"{value:>10.2f}" for value in totals.values()))
    return 0


def measure(video: Path, frames: int, repeats: int) -> dict[str, float]:
    """Median seconds by decoder; the decoders take turns, so that a slow moment hits both."""
    runs: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(repeats):
        for name in READERS:
            started = time.perf_counter()
            read(video, FaceConfig(frames_per_video=frames, decoder=name))
            runs[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in runs.items()}


if __name__ == "__main__":
    errors.run(main)
