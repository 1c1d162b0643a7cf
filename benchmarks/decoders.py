"""Seconds that each decoder needs to read the sampled frames of videos.

    python -m benchmarks.decoders FOLDER [--frames 32] [--repeats 3]

The decoders take turns, with one thread each.
"""

import statistics
from functools import partial
from pathlib import Path

from benchmarks.shared import find_videos, measure_seconds, new_parser, repeat_in_turns
from common import errors
from common.errors import DataError, VideoError
from common.preprocessing import FaceConfig
from faces.decode import READERS, read
from flags.types import at_least


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folder", type=Path, help="folder of .mp4 files")
    parser.add_argument(
        "--frames", type=at_least(1), default=32, help="evenly spaced frames of each video"
    )
    parser.add_argument(
        "--repeats", type=at_least(1), default=3, help="runs, of which the median is printed"
    )
    flags = parser.parse_args()
    videos = find_videos([flags.folder])
    print(f"{'seconds':<40}" + "".join(f"{name:>10}" for name in READERS))
    totals = dict.fromkeys(READERS, 0.0)
    for video in videos:
        seconds = measure(video, flags.frames, flags.repeats)
        for name, value in seconds.items():
            totals[name] += value
        print_row(video.name, seconds)
    print_row("total", totals)
    return 0


def measure(video: Path, frames: int, repeats: int) -> dict[str, float]:
    """Return the median seconds of each decoder. Raise DataError for a video that one of them
    cannot read."""
    configs = {name: FaceConfig(frames_per_video=frames, decoder=name) for name in READERS}
    runs = {
        name: partial(measure_seconds, partial(read, video, config))
        for name, config in configs.items()
    }
    try:
        seconds = repeat_in_turns(runs, repeats)
    except VideoError as error:
        raise DataError(f"{video}: {error}") from error
    return {name: statistics.median(values) for name, values in seconds.items()}


def print_row(name: str, seconds: dict[str, float]) -> None:
    print(f"{name:<40}" + "".join(f"{value:>10.2f}" for value in seconds.values()), flush=True)


if __name__ == "__main__":
    errors.run(main)
