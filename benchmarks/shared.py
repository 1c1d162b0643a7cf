"""Shared by several benchmarks: the parser, the search for videos, repeated timing."""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from common.errors import UsageError
from flags.shared import HelpFormatter

Result = TypeVar("Result")


def new_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser without flags whose help shows a module's docstring and all defaults."""
    return argparse.ArgumentParser(
        description=description, formatter_class=HelpFormatter, allow_abbrev=False
    )


def find_videos(folders: Sequence[Path]) -> list[Path]:
    """Return all .mp4 files in `folders` and below, sorted. Raise UsageError if there are none."""
    videos = sorted(path for folder in folders for path in folder.rglob("*.mp4"))
    if not videos:
        raise UsageError(f"no .mp4 file in {', '.join(map(str, folders))} or below")
    return videos


def measure_seconds(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def repeat_in_turns(
    measurements: Mapping[str, Callable[[], Result]], repeats: int
) -> dict[str, list[Result]]:
    """Call every measurement `repeats` times and return the results by name. The measurements take
    turns, so that a slow moment of the machine affects all of them."""
    results: dict[str, list[Result]] = {name: [] for name in measurements}
    for _ in range(repeats):
        for name, measure in measurements.items():
            results[name].append(measure())
    return results
