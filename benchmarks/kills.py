"""Whether preprocessing that is killed and started again writes the same bytes.

    python -m benchmarks.kills FOLDER [--kills 20] [--layout dfdc]

Runs preprocess_dfdc.py once without a kill. Then runs it many times, each time into a new folder:
kills it and all its processes (SIGKILL) at a random moment, calls it again, and compares every file
with that of the first run. Exits with code 1 if a file differs.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.shared import measure_seconds, new_parser
from common import errors
from common.errors import PipelineError
from common.files import sha256
from flags.types import at_least


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folder", type=Path, help="folder of videos, as preprocess_dfdc.py --input")
    parser.add_argument("--kills", type=at_least(1), default=20, help="runs that are killed")
    parser.add_argument("--layout", default="dfdc", help="as preprocess_dfdc.py --layout")
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the random moments")
    flags = parser.parse_args()
    moments = random.Random(flags.seed)
    different = 0
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        seconds = measure_seconds(partial(run, make_command(flags, root / "whole")))
        expected = file_digests(root / "whole")
        print(f"without a kill: {seconds:.1f} s, {len(expected)} files")
        for number in range(1, flags.kills + 1):
            output = root / f"killed_{number}"
            command = make_command(flags, output)
            moment = moments.uniform(0, seconds)
            run_and_kill(command, moment)
            finished = len(list(output.glob("crops/**/video.json")))
            run(command)
            same = file_digests(output) == expected
            different += not same
            result = "same bytes" if same else "DIFFERENT"
            print(
                f"{number:3}: killed after {moment:5.1f} s, {finished:3} videos finished: {result}"
            )
    print(f"{flags.kills - different} of {flags.kills} killed runs ended with the same bytes")
    return 1 if different else 0


def make_command(flags: argparse.Namespace, output: Path) -> list[str]:
    """Return the command that preprocesses every video into `output`."""
    return [
        *(sys.executable, "preprocess_dfdc.py", "--input", str(flags.folder)),
        *("--output", str(output), "--layout", flags.layout, "--undersample", "False"),
        *("--val_share", "0", "--test_share", "0"),
    ]


def file_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in `folder` and below, by relative path."""
    return {
        str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()
    }


def run(command: list[str]) -> None:
    """Run a command to its end. Raise PipelineError if it fails."""
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        *_, last_line = ["", *process.stderr.splitlines()]
        raise PipelineError(f"{command[1]} ended with code {process.returncode}: {last_line}")


def run_and_kill(command: list[str], seconds: float) -> None:
    """Run a command and kill it with all its processes after `seconds`, unless it ends earlier."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, start_new_session=True, stdout=quiet, stderr=quiet)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    errors.run(main)
