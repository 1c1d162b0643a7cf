"""Rates of training, extraction and scoring beside other processes, by how threads wait.

    python -m benchmarks.busy_machine [--seconds 10] [--repeats 3]

Measures, in a process of its own and each per second: training steps (ResNet18 and LSTM, 3 clips of
16 frames of 144 px), extractions of a short clip with one thread, as in the worker processes of
preprocess_dfdc.py, its "reading" with all threads, as in score.py, and scores of its crops. Alone,
and beside one busy process for each core, where the fair share is half of the rate alone.
Threads wait as all commands of this project set it (common/threads.py), or in OpenMP's default, a
long busy loop. Prints medians.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

import models
from benchmarks.shared import new_parser, repeat_in_turns
from benchmarks.training import make_plan, make_training, train_bare
from common import errors
from common import threads as waiting
from common.preprocessing import ClipConfig, FaceConfig
from demo.generate import generate
from faces.detect import FaceDetector
from faces.extract import extract_faces
from flags.types import at_least, between
from scoring.predict import predict_track

ENCODER = "resnet18"
CLIPS, SIDE = 3, 144
WAITS = {"ours": waiting.SETTINGS, "default": {waiting.SPINS: "300000"}}

Rates = dict[str, float]  # work → repetitions per second


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--seconds", type=between(0.1, 600), default=10, help="time for each rate")
    parser.add_argument("--repeats", type=at_least(1), default=3, help="runs of each kind")
    parser.add_argument("--measure", type=Path, help="print the rates of this process with a video")
    flags = parser.parse_args()
    if flags.measure:
        rates = {name: rate(work, flags.seconds) for name, work in works(flags.measure).items()}
        print(json.dumps(rates))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), 1, 0, frames=48, workers=1)
        video = Path(folder) / "new" / "new_real.mp4"
        runs: dict[str, Callable[[], Rates]] = {}
        for wait in WAITS:
            runs[f"{wait}, alone"] = partial(measure, video, wait, flags.seconds, busy=False)
            runs[f"{wait}, beside others"] = partial(measure, video, wait, flags.seconds, busy=True)
        print_table(repeat_in_turns(runs, flags.repeats))
    return 0


def works(video: Path) -> dict[str, Callable[[], object]]:
    """Return the work to measure by its name."""
    torch.manual_seed(0)
    training, plan = make_training(ENCODER, torch.device("cpu")), make_plan(torch.float32)
    clips = torch.rand(CLIPS, 16, 3, SIDE, SIDE)
    labels = torch.tensor([0, 1, 0])
    detector = FaceDetector(FaceConfig(frames_per_video=16))
    (track,) = extract_faces(video, detector).tracks
    model = models.build(models.ModelConfig(name=ENCODER)).eval()
    return {
        "training": lambda: train_bare(training, clips, labels, plan, steps=1),
        "extraction": with_one_thread(lambda: extract_faces(video, detector)),
        "reading": lambda: extract_faces(video, detector),
        "scoring": lambda: predict_track(model, track.jpegs, ClipConfig(), batch_size=4),
    }


def with_one_thread(work: Callable[[], object]) -> Callable[[], None]:
    """Return a function that does `work` with one thread."""

    def alone() -> None:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        work()
        torch.set_num_threads(threads)

    return alone


def rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often per second `work` is done, in at least `seconds`, after a first time."""
    work()
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        work()
        count += 1
    return count / passed


def measure(video: Path, wait: str, seconds: float, busy: bool) -> Rates:
    """Return the rates of a new process whose threads wait as WAITS says, beside one busy process
    for each core if `busy`."""
    command = [sys.executable, "-m", "benchmarks.busy_machine", "--seconds", str(seconds)]
    with others(os.cpu_count() or 1 if busy else 0):
        found = subprocess.run(
            [*command, "--measure", str(video)],
            env={**os.environ, **WAITS[wait]},
            stdout=subprocess.PIPE,
            check=True,
        )
    rates: Rates = json.loads(found.stdout)
    return rates


@contextmanager
def others(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep `count` processes busy in the block, and yield them."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def print_table(found: dict[str, list[Rates]]) -> None:
    medians = {
        name: {work: statistics.median(rates[work] for rates in runs) for work in runs[0]}
        for name, runs in found.items()
    }
    print(f"torch threads: {torch.get_num_threads()}, cores: {os.cpu_count()}")
    print(f"{'per second':<28}" + "".join(f"{work:>12}" for work in next(iter(medians.values()))))
    for name, rates in medians.items():
        print(f"{name:<28}" + "".join(f"{value:>12.3f}" for value in rates.values()))
    for wait in WAITS:
        alone, beside = medians[f"{wait}, alone"], medians[f"{wait}, beside others"]
        shares = (f"{2 * beside[work] / alone[work]:>12.0%}" for work in alone)
        print(f"{f'{wait}, of the fair share':<28}" + "".join(shares))
    ratios = zip(*(medians[f"{wait}, alone"].values() for wait in WAITS), strict=True)
    print(f"{'alone, ours / default':<28}" + "".join(f"{a / b:>12.1%}" for a, b in ratios))


if __name__ == "__main__":
    errors.run(main)
