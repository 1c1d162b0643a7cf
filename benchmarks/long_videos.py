"""Peak memory and seconds of scoring long videos: memory must not grow with their length.

    python -m benchmarks.long_videos CLIP --checkpoint FILE [--minutes 1 10 120]

Repeats the clip, without encoding it again, until a file has the wanted length. score.py then
judges the file in windows of one minute. Peak memory is the maximum resident set size of its
process.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av

from benchmarks.shared import new_parser
from common import errors
from common.errors import DataError, PipelineError
from flags.types import between


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("clip", type=Path, help="video to repeat")
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint to score with")
    parser.add_argument(
        "--minutes",
        type=between(0.001, 10_000),
        nargs="+",
        default=[1.0, 10.0, 120.0],
        metavar="MINUTES",
        help="lengths of the videos (default: 1 10 120)",
    )
    flags = parser.parse_args()
    print(f"{'minutes':>8}{'size, MB':>10}{'seconds':>9}{'peak memory, MB':>17}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in flags.minutes:
            video = lengthen(flags.clip, folder / "long.mp4", 60 * minutes)
            seconds, memory = score(video, flags.checkpoint, folder)
            size = video.stat().st_size / 1e6
            print(f"{minutes:>8g}{size:>10.0f}{seconds:>9.1f}{memory:>17.0f}", flush=True)
    return 0


def lengthen(clip: Path, path: Path, seconds: float) -> Path:
    """Write the packets of a clip's video stream to `path`, repeated to about `seconds`. Raise
    DataError for a clip that cannot be copied this way."""
    try:
        with av.open(str(clip)) as source, av.open(str(path), "w") as target:
            stream = next(iter(source.streams.video), None)
            if stream is None or stream.duration is None or stream.time_base is None:
                raise DataError(f"{clip} has no video stream with a known length")
            copy = target.add_stream_from_template(stream)
            length = stream.duration  # in units of time_base
            for number in range(max(1, round(seconds / float(length * stream.time_base)))):
                source.seek(0)
                for packet in source.demux(stream):
                    if packet.dts is None:  # the end of the stream
                        continue
                    if packet.pts is None:
                        raise DataError(f"{clip} has frames without a time")
                    packet.dts += number * length
                    packet.pts += number * length
                    packet.stream = copy
                    target.mux(packet)
    except av.FFmpegError as error:
        raise DataError(f"{clip} cannot be repeated: {error}") from error
    return path


def score(video: Path, checkpoint: Path, output: Path) -> tuple[float, float]:
    """Run score.py and return its seconds and its peak memory in MB. Raise PipelineError if it
    fails."""
    command = [sys.executable, "score.py", str(video), "--checkpoint", str(checkpoint)]
    started = time.monotonic()
    process = subprocess.Popen([*command, "--output", str(output)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise PipelineError(f"score.py ended with exit code {code} on {video}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    errors.run(main)
