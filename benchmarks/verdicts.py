"""Seconds until score.py has judged the first clip and each further one, beside decoding them.

    python -m benchmarks.verdicts FOLDER [FOLDER …]

Judges all .mp4 files with the detector that ships, in whole calls of score.py: one with the first
clip, and one with all. Then decodes all frames of the clips with PyAV, with as many threads as it
chooses by itself. The calls take turns.
"""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

import av

from benchmarks.shared import find_videos, measure_seconds, new_parser, repeat_in_turns
from common import errors
from common.errors import UsageError
from flags.types import at_least


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of .mp4 files")
    parser.add_argument("--repeats", type=at_least(1), default=3, help="calls of each kind")
    flags = parser.parse_args()
    videos = find_videos(flags.folders)
    if len(videos) < 2:
        raise UsageError("at least two clips are needed")
    calls = {
        "first": partial(measure_seconds, partial(judge, videos[:1])),
        "all": partial(measure_seconds, partial(judge, videos)),
        "decode": partial(measure_seconds, partial(decode, videos[1:])),
    }
    seconds = {k: median(v) for k, v in repeat_in_turns(calls, flags.repeats).items()}
    further, decoding = ((seconds["all"] - seconds["first"]), seconds["decode"])
    count = len(videos) - 1
    print(f"first verdict: {seconds['first']:.1f} s")
    print(f"each of {count} further clips: {further / count:.2f} s")
    print(
        f"decoding one: {decoding / count:.2f} s; judging takes {further / decoding:.2f} times that"
    )
    return 0


def judge(videos: list[Path]) -> None:
    """Call score.py in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "score.py", *map(str, videos), "--output", folder]
        subprocess.run(command, check=True, capture_output=True)


def decode(videos: list[Path]) -> None:
    """Decode all frames of the videos to RGB."""
    for video in videos:
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                frame.to_ndarray(format="rgb24")


if __name__ == "__main__":
    errors.run(main)
