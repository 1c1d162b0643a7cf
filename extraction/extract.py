"""Extracts the videos of a plan whose crops are not on disk yet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from common import files
from common.media_files import video_size
from extraction import pool, store

# Runs jobs in any order; yields the seconds that each one took when it is done.
Engine = Callable[[list[pool.Job]], Iterator[float]]


@dataclass(frozen=True)
class Folders:
    """The folder that videos are read from, and the folder that crops are written to."""

    input: Path
    output: Path

    def crops(self, video_id: str) -> Path:
        return self.output / "crops" / video_id

    def find_record(self, video: dict[str, Any]) -> dict[str, Any] | None:
        """Return the crop store's record of a video, which is a row of the plan. Return None if
        crops are missing or come from another file."""
        size = None if video["deleted"] else video_size(self.input / video["path"])
        return store.find(self.crops(video["video_id"]), size)

    def sweep(self, videos: pd.DataFrame) -> None:
        """Delete partial files that killed runs left behind. Do not call this while another run is
        writing."""
        parents = {self.crops(name).parent for name in videos["video_id"]}
        for folder in {self.output / "crops", *parents}:
            files.sweep(folder)


def extract(
    videos: pd.DataFrame, folders: Folders, engine: Engine, workers: int | None, *, tar: bool
) -> int:
    """Extract the videos whose crops are not on disk yet; return how many were extracted.

    `workers` is the number of processes of `engine`, None if unknown; it is only used to estimate
    the time. `tar` stores the crops of each track in one tar file.
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
    # The file of median size comes first, to estimate the time of the others.
    by_size = sorted(todo, key=lambda job: video_size(job.video))
    typical = by_size[len(by_size) // 2]
    todo = [typical, *(job for job in todo if job is not typical)]
    results = engine(todo)
    _print_estimate(todo, next(results), workers)
    for _ in tqdm(results, total=len(todo), initial=1, unit="video", mininterval=1):
        pass
    return len(todo)


def _print_estimate(todo: list[pool.Job], seconds: float, workers: int | None) -> None:
    """Print the time and disk space that all jobs will need if each is like the first one, which
    took `seconds`."""
    size = sum(file.stat().st_size for file in todo[0].folder.rglob("*") if file.is_file())
    minutes = len(todo) * seconds / 60
    time = f"{minutes:.1f} min of one core"
    if workers:
        time = f"{minutes / workers:.1f} min with {workers} processes"
    print(
        f"estimate from one video: about {time}, {len(todo) * size / 1e6:.0f} MB on disk",
        flush=True,
    )
