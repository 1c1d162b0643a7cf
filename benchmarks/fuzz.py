"""Damaged files in the decoding path of score.py: none may crash it, hang it or take a verdict.

    python -m benchmarks.fuzz [--files 60000] [--processes 2]

Encodes one short clip of a drawn face in many formats, damages copies of them at random (bytes
replaced, cut, moved, lengths made extreme, two files joined), and reads each as score.py does. An
intact clip among every hundred files must keep its result. Exits with code 1 if the process that
reads a file dies, if a file takes longer than --timeout, or if an intact clip loses its result;
such files are kept.
"""

import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from benchmarks.shared import new_parser
from common import errors
from common.errors import PipelineError
from common.memory import peak_bytes
from common.preprocessing import FaceConfig
from demo.generate import generate
from faces.pyav_video import every_frame
from faces.sampling import WHOLE
from flags.types import at_least
from inference.answers import End
from inference.extractor import Extractor
from inference.worker import DIED

WIDTH, HEIGHT, FRAMES = 96, 72, 8
# Ending → codec and pixel format of a video with that ending.
VIDEOS = {
    ".mp4": ("libx264", "yuv420p"),
    ".mov": ("libx264", "yuv420p"),
    ".mkv": ("libx265", "yuv420p"),
    ".webm": ("libvpx-vp9", "yuv420p"),
    ".avi": ("mpeg4", "yuv420p"),
    ".mpg": ("mpeg2video", "yuv420p"),
    ".ts": ("libx264", "yuv420p"),
    ".flv": ("flv", "yuv420p"),
    ".wmv": ("wmv2", "yuv420p"),
    ".ogv": ("libvpx", "yuv420p"),
    ".gif": ("gif", "rgb8"),
}
IMAGES = (".jpg", ".png", ".webp", ".bmp", ".tiff")
EXTREME = [b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff"]
INTACT_EVERY = 100


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    path: Path
    seconds: float
    status: str  # of the extraction, or died
    detail: str


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--files", type=at_least(1), default=60_000, help="damaged files")
    parser.add_argument("--processes", type=at_least(1), default=2, help="reading processes")
    parser.add_argument("--timeout", type=at_least(1), default=30, help="seconds for each file")
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the damage")
    parser.add_argument(
        "--keep", type=Path, default=Path("data/fuzz"), help="folder for files that fail"
    )
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        seeds, intact = write_seeds(root)
        check_seeds([*seeds, intact], flags.timeout)
        started = time.monotonic()
        read = partial(read_share, root, seeds, intact, flags.seed, flags.timeout, flags.keep)
        shares = [range(i, flags.files, flags.processes) for i in range(flags.processes)]
        with ThreadPoolExecutor(flags.processes) as pool:
            outcomes = [outcome for share in pool.map(read, shares) for outcome in share]
        return report(outcomes, intact, time.monotonic() - started)


def write_seeds(root: Path) -> tuple[list[Path], Path]:
    """Write a short clip of a face in every format; return the files, and an intact clip of normal
    size."""
    generate(root / "demo", 1, 0, frames=FRAMES, workers=1)
    intact = root / "demo" / "new" / "new_real.mp4"
    with every_frame(intact) as video:
        large = [image for _, image in islice(video.images, FRAMES)]
    small = [cv2.resize(np.ascontiguousarray(frame), (WIDTH, HEIGHT)) for frame in large]
    seeds = [_write_video(root / f"seed{ending}", small) for ending in VIDEOS]
    for ending in IMAGES:
        seeds.append(root / f"seed_image{ending}")
        cv2.imwrite(str(seeds[-1]), cv2.cvtColor(small[0], cv2.COLOR_RGB2BGR))
    return seeds, intact


def _write_video(path: Path, images: list[np.ndarray]) -> Path:
    codec, pixels = VIDEOS[path.suffix]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        stream.options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def damage(draw: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a copy of one of `seeds`, changed in one to three ways."""
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.randint(1, 3)):
        change = draw.choice(CHANGES)
        change(draw, data, seeds)
        data = data or bytearray(1)
    return bytes(data)


def _replace_bytes(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    for _change in range(draw.randint(1, 32)):
        data[_position(draw, len(data))] = draw.randrange(256)


def _lose_end(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[_position(draw, len(data)) :]


def _make_extreme(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    position = _position(draw, len(data))
    data[position : position + 4] = draw.choice(EXTREME)


def _lose_piece(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    position = _position(draw, len(data))
    end = min(position + draw.randint(1, 512), len(data))
    data[position:end] = bytes(end - position)


def _repeat_piece(draw: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    position = _position(draw, len(data))
    data[position:position] = data[position : position + draw.randint(1, 4096)]


def _join_other(draw: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = draw.choice(seeds)
    data[_position(draw, len(data)) :] = other[_position(draw, len(other)) :]


CHANGES = (_replace_bytes, _lose_end, _make_extreme, _lose_piece, _repeat_piece, _join_other)


def _position(draw: random.Random, length: int) -> int:
    """Return a position in a file of `length` bytes; half of them are among the first 600, where
    headers are, or the last 600, where the index of an .mp4 file is."""
    if draw.random() < 0.5:
        return draw.randrange(length)
    near = draw.randrange(min(600, length))
    return draw.choice((near, length - 1 - near))


def read_share(
    root: Path,
    seeds: Sequence[Path],
    intact: Path,
    seed: int,
    timeout: float,
    keep: Path,
    numbers: Sequence[int],
) -> list[Outcome]:
    """Damage, read and delete the files with these `numbers`, whose damage depends on their number
    alone. Files that end the process or take longer than `timeout` are copied to `keep`."""
    contents = [path.read_bytes() for path in seeds]

    def files() -> Iterator[Path]:
        for count, number in enumerate(numbers):
            draw = random.Random(f"{seed}:{number}")
            path = root / f"{number}{draw.choice(seeds).suffix}"
            path.write_bytes(damage(draw, contents))
            yield path
            if count % INTACT_EVERY == 0:
                yield intact

    outcomes = []
    with Extractor(timeout) as extractor:
        for outcome in read_files(extractor, files()):
            outcomes.append(outcome)
            if outcome.status in ("died", "timeout"):
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(outcome.path, keep)
            if outcome.path != intact:
                outcome.path.unlink()
    return outcomes


def read_files(extractor: Extractor, files: Iterator[Path]) -> Iterator[Outcome]:
    """Yield what becomes of every file."""
    statuses: list[tuple[str, str]] = []
    started = time.monotonic()
    for answer in extractor.extract(files, FaceConfig(), WHOLE):
        if not isinstance(answer, End):
            statuses.append((answer.extraction.status, answer.extraction.detail))
            continue
        if answer.status:
            statuses.append((answer.status, answer.detail))
        status, detail = statuses[-1]
        if detail.startswith(DIED):
            status = "died"
        yield Outcome(answer.video, time.monotonic() - started, status, detail)
        started, statuses = time.monotonic(), []


def check_seeds(paths: Sequence[Path], timeout: float) -> None:
    """Raise PipelineError unless every intact file can be read: else damage would prove nothing."""
    with Extractor(timeout) as extractor:
        for outcome in read_files(extractor, iter(paths)):
            if outcome.status not in ("ok", "no_face"):
                raise PipelineError(f"{outcome.path} is {outcome.status}: {outcome.detail}")


def report(outcomes: Sequence[Outcome], intact: Path, seconds: float) -> int:
    """Print the counts and return the exit code."""
    damaged = [outcome for outcome in outcomes if outcome.path != intact]
    controls = [outcome for outcome in outcomes if outcome.path == intact]
    for ending in sorted({outcome.path.suffix for outcome in damaged}):
        counts = Counter(o.status for o in damaged if o.path.suffix == ending)
        print(f"{ending:6}", ", ".join(f"{name} {n}" for name, n in sorted(counts.items())))
    failed = [outcome for outcome in damaged if outcome.status in ("died", "timeout")]
    lost = [outcome for outcome in controls if outcome.status != "ok"]
    for outcome in failed:
        print(f"{outcome.path.name}: {outcome.status}, {outcome.detail}")
    slowest = max(outcome.seconds for outcome in damaged)
    print(f"{len(damaged)} damaged files in {seconds:.0f} s, the slowest in {slowest:.1f} s")
    if memory := peak_bytes(children=True):
        print(f"peak memory of a process: {memory / 1e6:.0f} MB")
    print(f"processes that died or files that took too long: {len(failed)}")
    print(f"intact clips that lost their result: {len(lost)} of {len(controls)}")
    return 1 if failed or lost else 0


if __name__ == "__main__":
    errors.run(main)
