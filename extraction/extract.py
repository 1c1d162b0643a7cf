"""Between the plan and the manifest: extracts what is not on disk yet, and reads its rows back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from common.files import file_size
from datasets import manifest
from datasets.manifest import REAL
from extraction import pool, store
from faces.extract import bits_per_pixel, side

NOT_YET = "not extracted yet"
LOST = "deleted after its extraction, and its crops are damaged"

# Jobs, in an order → the seconds of each as it is done
Engine = Callable[[list[pool.Job]], Iterator[float]]


@dataclass(frozen=True)
class Folders:
    input: Path  # of the videos
    output: Path  # of the crops

    def crops(self, video_id: str) -> Path:
        return self.output / "crops" / video_id

    def find(self, video: dict[str, Any]) -> dict[str, Any] | None:
        """The crop store's record of a row of the plan; None where not all is there."""
        size = None if video["deleted"] else file_size(self.input / video["path"])
        return store.find(self.crops(video["video_id"]), size)

    def sweep(self, videos: pd.DataFrame) -> None:
        """Remove what killed runs left half-written. Not while another one is at work."""
        store.sweep([self.output / "crops", *map(self.crops, videos["video_id"])])


def extract(
    videos: pd.DataFrame,
    folders: Folders,
    engine: Engine,
    workers: int | None,
    *,
    reuse_boxes: bool,
    tar: bool,
) -> int:
    """Extract what is not on disk yet; return how many videos that was.

    `workers` is the number of the engine's processes, where it is known. `tar`: as in store.save.
    """
    wanted = videos[videos["status"] == ""]
    original = _originals(wanted) if reuse_boxes else {}
    todo = [
        pool.Job(
            folders.input / video["path"],
            folders.crops(video["video_id"]),
            folders.crops(original[video["video_id"]]) if video["video_id"] in original else None,
            tar,
        )
        for video in wanted.to_dict("records")
        if not video["deleted"] and not folders.find(video)
    ]
    print(
        f"{len(videos)} videos listed, {len(wanted)} to extract, "
        f"{len(wanted) - len(todo)} done before"
    )
    if not todo:
        return 0
    # The first one tells what the others will take: the file of the middle size.
    free = [job for job in todo if not job.original] or todo
    by_size = sorted(free, key=lambda job: file_size(job.video))
    typical = by_size[len(by_size) // 2]
    todo = [typical, *(job for job in todo if job is not typical)]
    results = engine(todo)
    _estimate(todo, next(results), workers)
    bar = tqdm(results, total=len(todo), initial=1, unit="video", mininterval=1)
    for _ in bar:
        pass
    return len(todo)


def _originals(videos: pd.DataFrame) -> dict[str, str]:
    """video_id of a fake → that of its source's real video, the first by name."""
    reals = videos[videos["label"] == REAL].sort_values("video_id").drop_duplicates("source")
    real_of = reals.set_index("source")["video_id"]
    fakes = videos[(videos["label"] != REAL) & videos["source"].isin(real_of.index)]
    return dict(zip(fakes["video_id"], fakes["source"].map(real_of), strict=True))


def _estimate(todo: list[pool.Job], seconds: float, workers: int | None) -> None:
    """Say from the first video, done in `seconds`, what all will take."""
    size = sum(file.stat().st_size for file in todo[0].folder.rglob("*") if file.is_file())
    minutes = len(todo) * seconds / 60
    time = f"{minutes:.1f} min of one core"
    if workers:
        time = f"{minutes / workers:.1f} min with {workers} processes"
    print(
        f"judging by one video: about {time}, {len(todo) * size / 1e6:.0f} MB on disk", flush=True
    )


def rows(videos: pd.DataFrame, folders: Folders) -> pd.DataFrame:
    """Manifest rows in the order of the table: one per track, one for a video without. Beyond the
    manifest's columns `reused`."""
    return pd.DataFrame(row for video in videos.to_dict("records") for row in _rows(video, folders))


def _rows(video: dict[str, Any], folders: Folders) -> Iterator[dict[str, Any]]:
    row = {**dict.fromkeys(("width", "height", "frames"), 0), "fps": 0.0, "track": -1}
    row |= {"crops": "", "reused": False} | manifest.OPTIONAL | video
    if video["status"]:
        yield row
        return
    found = folders.find(video)
    if not found:
        status, detail = ("missing", LOST) if video["deleted"] else ("skipped", NOT_YET)
        yield row | {"status": status, "detail": detail}
        return
    folder = folders.crops(video["video_id"])
    row |= {key: found[key] for key in ("status", "detail", "width", "height", "fps", "reused")}
    row["codec"] = found.get("codec", "")  # crops of an earlier version lack it
    size = (found["bytes"], found["width"], found["height"], found["total_frames"])
    row["bits_per_pixel"] = round(bits_per_pixel(*size), 5)
    if not found["tracks"]:
        yield row
    for number, track in enumerate(found["tracks"]):
        crops = (folder / track["crops"]).relative_to(folders.output).as_posix()
        own = {"track": number, "crops": crops, "frames": len(track["frames"])}
        own["face_px"] = round(side(track["boxes"]), 1)
        yield row | own
