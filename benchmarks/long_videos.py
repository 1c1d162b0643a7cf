"""Memory and time of scoring long videos: the memory must not grow with the length.

    python -m benchmarks.long_videos CLIP --checkpoint FILE [--minutes 1,10,120]

CLIP's packets are written one after the other until a file is long enough, and score.py judges it
in windows of a minute. Peak memory is that of its process ("maximum resident set size").
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av

from common import errors
from common.errors import PipelineError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", default="1,10,120", help="lengths, comma-separated")
    flags = parser.parse_args()
    print(f"{'minutes':>8}{'size, MB':>10}{'seconds':>9}{'peak memory, MB':>17}")
    with tempfile.TemporaryDirectory() as folder:
        for minutes in map(float, flags.minutes.split(",")):
            video = lengthen(flags.clip, Path(folder) / "long.mp4", 60 * minutes)
            seconds, memory = score(video, flags.checkpoint, Path(folder) / "scores.csv")
            size = video.stat().st_size / 1e6
            print(f"{minutes:>8g}{size:>10.0f}{seconds:>9.1f}{memory:>17.0f}", flush=True)
    return 0


def lengthen(clip: Path, path: Path, seconds: float) -> Path:
    """The clip again and again, not encoded anew, without sound."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        length = stream.duration  # in the stream's own unit
        for number in range(max(1, round(seconds / float(length * stream.time_base)))):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.dts is None:  # the end
                    continue
                packet.dts += number * length
                packet.pts += number * length
                packet.stream = copy
                target.mux(packet)
    return path


def score(video: Path, checkpoint: Path, output: Path) -> tuple[float, float]:
    """Seconds, and the peak memory in MB."""
    command = [sys.executable, "score.py", str(video), "--checkpoint", str(checkpoint)]
    started = time.monotonic()
    process = subprocess.Popen([*command, "--output", str(output)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise PipelineError(f"score.py did not judge {video}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    errors.run(main)
