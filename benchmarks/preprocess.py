"""Seconds and memory of face extraction, beside plain decoding and plain MTCNN.

    python -m benchmarks.preprocess FOLDER [FOLDER …]        (make bench-preprocess CLIPS=…)

floor   decodes every frame and does nothing else; the faster of two readers counts
ours    what preprocess_dfdc.py does with a video: decode, detect, track, crop, write; once for
        each way of sampling frames
plain   decodes 32 frames and runs MTCNN on each full frame, as its README shows; writes nothing

Each contender gets the same number of processes with one thread each. The start of the processes is
not measured, because a run pays it once, not for each video. On a machine with a GPU, all processes
of "ours" search for faces on it.
"""

import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.preprocess_contenders import (
    CONFIG,
    Boxes,
    decode_opencv,
    decode_pyav,
    extract,
    extract_plainly,
    start_process,
    wait,
)
from benchmarks.shared import find_videos, new_parser
from common import errors
from common.preprocessing import SAMPLINGS
from faces.detect import intersection_over_union
from faces.search_server import SearchServer
from flags.types import at_least

SAME_FACE = 0.5  # smallest intersection over union of two boxes of one face


@dataclass(frozen=True)
class Run:
    """One contender's results in the order of the videos, and what they cost."""

    results: list[Any]
    seconds: float
    memory: float  # peak of a process, MB

    def row(self, name: str, floor: float = math.inf) -> str:
        share = f"   {self.seconds / floor:.2f} × floor" if floor < math.inf else ""
        return f"{name:<16}{self.seconds:6.1f} s   {self.memory:5.0f} MB{share}"


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of .mp4 files")
    parser.add_argument(
        "--processes", type=at_least(1), default=os.cpu_count() or 1, help="worker processes"
    )
    flags = parser.parse_args()
    videos, processes = find_videos(flags.folders), flags.processes
    floor = math.inf
    for name, reader in {"opencv": decode_opencv, "pyav": decode_pyav}.items():
        run = measure(reader, videos, processes)
        print(f"{run.row(f'floor, {name}')}   {sum(run.results)} frames", flush=True)
        floor = min(floor, run.seconds)
    ours = {}
    for sampling, run in measure_ours(videos, processes):
        speed = f"{len(videos) / run.seconds:.2f} videos/s"
        print(f"{run.row(f'ours, {sampling}', floor)}   {speed}", flush=True)
        ours[sampling] = run
    plain = measure(extract_plainly, videos, processes)
    print(plain.row("plain", floor))
    print(f"ours is {plain.seconds / ours['uniform'].seconds:.1f} times as fast as plain")
    print_comparison(videos, ours["uniform"].results, plain.results)
    return 0


def measure_ours(videos: list[Path], processes: int) -> Iterator[tuple[str, Run]]:
    """Yield a run for each way of sampling, as soon as it is measured: the start of its processes
    takes longer than a short run."""
    gpu = torch.cuda.is_available()
    with SearchServer(CONFIG, torch.device("cuda")) if gpu else nullcontext() as server:
        address = server.address if server else None
        for name in SAMPLINGS:
            yield name, measure(partial(extract, sampling=name), videos, processes, address)


def measure(
    work: Callable[[Path], Any], videos: list[Path], processes: int, server: str | None = None
) -> Run:
    """Call `work` for every video in a pool of processes. `server` is the address of a
    SearchServer."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, start_process, (server,)) as pool:
        list(pool.map(wait, range(processes)))
        started = time.monotonic()
        results = list(pool.map(work, videos))
        seconds = time.monotonic() - started
        memory = max(pool.map(wait, range(processes)))
    return Run(results, seconds, memory)


def print_comparison(videos: list[Path], ours: list[Boxes], plain: list[tuple[Boxes, int]]) -> None:
    """Print which faces of people that plain MTCNN finds are extracted, and the false faces of
    both."""
    expected = found = beyond = others = 0
    for video, boxes, (plain_boxes, plain_others) in zip(videos, ours, plain, strict=True):
        counts = compare(plain_boxes, boxes)
        if counts[0] != counts[1] or counts[2]:
            print(f"  {video.name}: {counts[1]} of {counts[0]} found, {counts[2]} others")
        expected, found, beyond = expected + counts[0], found + counts[1], beyond + counts[2]
        others += plain_others
    share = f" ({found / expected:.2%})" if expected else ""
    print(
        f"ours finds {found} of {expected}{share} faces of plain; other faces per video: "
        f"ours {beyond / len(videos):.2f}, plain {others / len(videos):.2f}"
    )


def compare(reference: Boxes, people: Boxes) -> tuple[int, int, int]:
    """Return the number of boxes of `reference`, how many of them `people` contains, and the number
    of other boxes in `people`."""
    hits = others = 0
    for frame in reference.keys() | people.keys():
        expected, got = reference.get(frame, []), people.get(frame, [])
        hits += sum(any(_is_same_face(a, b) for b in got) for a in expected)
        others += sum(not any(_is_same_face(a, b) for a in expected) for b in got)
    return sum(map(len, reference.values())), hits, others


def _is_same_face(a: np.ndarray, b: np.ndarray) -> bool:
    return intersection_over_union(a, b) >= SAME_FACE


if __name__ == "__main__":
    errors.run(main)
