"""Extracts the videos of a plan whose crops are not on disk yet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from common.files import file_size
from extraction import pool, store

# Runs jobs in any order and yields the seconds of each one when it is done.
Engine = Callable[[list[pool.Job]], Iterator[float]]


@dataclass(frozen=True)
class Folders:
    """Where videos are read from and crops are written to."""

    input: Path
    output: Path

    def crops(self, video_id: str) -> Path:
        return self.output / "crops" / video_id

    def find_record(self, video: dict[str, Any]) -> dict[str, Any] | None:
        """Return the crop store's record of a row of the plan; None if crops are missing."""
        size = None if video["deleted"] else file_size(self.input / video["path"])
        return store.find(self.crops(video["video_id"]), size)

    def sweep(self, videos: pd.DataFrame) -> None:
        """Delete what killed runs left half-written. Not to be called while another run writes."""
        store.sweep([self.output / "crops", *map(self.crops, videos["video_id"])])


def extract(
    videos: pd.DataFrame, folders: Folders, engine: Engine, workers: int | None, *, tar: bool
) -> int:
    """Extract the videos whose crops are not on disk; return how many there were.

    `workers` is the engine's number of processes, if known. `tar` stores each track as one file.
    """
    wanted = videos[videos["status"] == ""]
    todo = [
        pool.Job(folders.input / video["path"], folders.crops(video["video_id"]), tar)
        for video in wanted.to_dict("records")
        if not video["deleted"] and not folders.find_record(video)
    ]
    print(
        f"{len(videos)} videos listed, {len(wanted)} to extract, "
        f"{len(wanted) - len(todo)} done before"
    )
    if not todo:
        return 0
    # The file of median size comes first, to estimate what the others will take.
    by_size = sorted(todo, key=lambda job: file_size(job.video))
    typical = by_size[len(by_size) // 2]
    todo = [typical, *(job for job in todo if job is not typical)]
    results = engine(todo)
    _print_estimate(todo, next(results), workers)
    for _ in tqdm(results, total=len(todo), initial=1, unit="video", mininterval=1):
        pass
    return len(todo)


def _print_estimate(todo: list[pool.Job], seconds: float, workers: int | None) -> None:
    """Print what all jobs will take if each is like the first one, which took `seconds`."""
    size = sum(file.stat().st_size for file in todo[0].folder.rglob("*") if file.is_file())
    minutes = len(todo) * seconds / 60
    time = f"{minutes:.1f} min of one core"
    if workers:
        time = f"{minutes / workers:.1f} min with {workers} processes"
    print(
        f"estimate from one video: about {time}, {len(todo) * size / 1e6:.0f} MB on disk",
        flush=True,
    )
