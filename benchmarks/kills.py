"""Preprocessing killed at random moments and started again, beside one that was left alone.

    python -m benchmarks.kills FOLDER [--kills 20] [--layout dfdc]

Every run gets a new folder, is killed with all its processes (SIGKILL) at a random moment, and is
called again; its folder must then hold the same bytes as that of the run that was left alone.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common.files import sha256


def command(flags: argparse.Namespace, output: Path) -> list[str]:
    return [
        *(sys.executable, "preprocess_dfdc.py", "--input", str(flags.folder)),
        *("--output", str(output), "--layout", flags.layout, "--balance", "none"),
        *("--val_share", "0", "--test_share", "0"),
    ]


def contents(folder: Path) -> dict[str, str]:
    """File → SHA-256 of its bytes."""
    return {
        str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()
    }


def run_whole(words: list[str]) -> float:
    """Seconds."""
    started = time.monotonic()
    subprocess.run(words, check=True, capture_output=True)
    return time.monotonic() - started


def run_and_kill(words: list[str], seconds: float) -> None:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(words, start_new_session=True, stdout=quiet, stderr=quiet)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--layout", default="dfdc")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    moments = random.Random(flags.seed)
    different = 0
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        whole = run_whole(command(flags, root / "whole"))
        expected = contents(root / "whole")
        print(f"left alone: {whole:.1f} s, {len(expected)} files")
        for number in range(1, flags.kills + 1):
            output = root / f"killed_{number}"
            moment = moments.uniform(0, whole)
            run_and_kill(command(flags, output), moment)
            left = len(list(output.glob("crops/**/video.json")))
            run_whole(command(flags, output))
            same = contents(output) == expected
            different += not same
            verdict = "same bytes" if same else "DIFFERENT"
            print(f"{number:3}: killed after {moment:5.1f} s, {left:3} videos done: {verdict}")
    print(f"{flags.kills - different} of {flags.kills} ended with the same bytes")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
