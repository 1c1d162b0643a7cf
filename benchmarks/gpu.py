"""What a GPU gains: training, its loader, memory, scoring and extraction, in six minutes at most.

    python -m benchmarks.gpu [FOLDER …]        (make bench-gpu CLIPS=…)

Runs the other benchmarks one after another in processes of their own. Each has its own time limit,
so that one that fails or hangs does not take the others with it, and prints its rows as they are
measured. Scoring and extraction need folders of videos; drawn videos are used if there are none.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.shared import new_parser
from common import cores, errors
from demo.generate import generate

PYTHON = [sys.executable, "-m"]
TRAINING = ["benchmarks.training", "--repeats", "1", "--batch_size", "16", "--steps", "60"]
FRAMES = ["--clip_frames", "1", "--crop_size", "192", "--batch_size", "64", "--steps", "150"]
STRONG = ("--augmentation", "strong", "--sbi", "0.5", "--ema", "0.999")


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of .mp4 files")
    flags = parser.parse_args()
    print(describe_machine(), flush=True)
    with tempfile.TemporaryDirectory() as drawn:
        folders = flags.folders
        if not folders:
            generate(Path(drawn), 4, 0, frames=150, workers=cores.usable())
            folders = [Path(drawn)]
        failed = [
            title
            for title, (words, limit) in parts(folders).items()
            if not run(title, words, limit)
        ]
    if failed:
        print(f"without a result: {', '.join(failed)}")
    return bool(failed)


def describe_machine() -> str:
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{card}, torch {torch.__version__}, {cores.usable()} cores, {platform.processor()}"


def parts(folders: list[Path]) -> dict[str, tuple[list[str], float]]:
    """Return the words of each part's command, and its limit in seconds, by its title."""
    workers = ["--workers", str(max(1, cores.usable() - 1))]
    paths = [str(folder) for folder in folders]
    return {
        "loader alone": (["benchmarks.loader", "--tracks", "32", "--repeats", "1"], 30),
        "trainer, mild": ([*TRAINING, *workers], 80),
        "trainer, strong": ([*TRAINING, *workers, *STRONG, "--encoders", "resnet50"], 40),
        "single frames, strong": (
            [*TRAINING, *workers, *FRAMES, *STRONG, "--encoders", "tf_efficientnet_lite0"],
            40,
        ),
        "ResNet152 within 24 GB": (
            [
                *("benchmarks.training", "--repeats", "1", "--batch_size", "16", "--steps", "4"),
                *("--encoders", "resnet152", "--gpu_memory", "24", "--accumulate", "4", *workers),
            ],
            30,
        ),
        "scoring": (["benchmarks.scoring", *paths, "--repeats", "1"], 60),
        "extraction, 8 processes": (["benchmarks.preprocess", *paths, "--processes", "8"], 40),
        "extraction, 16 processes": (["benchmarks.preprocess", *paths, "--processes", "16"], 40),
    }


def run(title: str, words: list[str], limit: float) -> bool:
    """Run a part, which prints its own rows, for at most `limit` seconds. Return whether it ended
    well."""
    print(f"\n{title}: {' '.join(words)}", flush=True)
    started = time.monotonic()
    # A session of its own, so that the worker processes of a part end with it.
    with subprocess.Popen([*PYTHON, *words], start_new_session=True) as process:
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            print(f"{title}: not done after {limit:g} s", flush=True)
            return False
    print(f"{title}: exit code {code} after {time.monotonic() - started:.0f} s", flush=True)
    return code == 0


if __name__ == "__main__":
    errors.run(main)
