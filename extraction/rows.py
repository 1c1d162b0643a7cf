"""Makes the rows of the manifest from a plan and the crops on disk."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from datasets import manifest
from extraction.extract import Folders
from faces.extract import bits_per_pixel, face_side

NOT_EXTRACTED = "not extracted yet"
LOST = "deleted after its extraction, and its crops are damaged"


def manifest_rows(videos: pd.DataFrame, folders: Folders) -> pd.DataFrame:
    """Return the manifest's rows in the order of the plan `videos`: one per track, or one for a
    video without a track."""
    return pd.DataFrame(row for video in videos.to_dict("records") for row in _rows(video, folders))


def _rows(video: dict[str, Any], folders: Folders) -> Iterator[dict[str, Any]]:
    row = {**dict.fromkeys(("width", "height", "frames"), 0), "fps": 0.0, "track": -1}
    row |= {"crops": ""} | manifest.OPTIONAL | video
    if video["status"]:
        yield row
        return
    record = folders.find_record(video)
    if not record:
        status, detail = ("missing", LOST) if video["deleted"] else ("skipped", NOT_EXTRACTED)
        yield row | {"status": status, "detail": detail}
        return
    folder = folders.crops(video["video_id"])
    row |= {key: record[key] for key in ("status", "detail", "width", "height", "fps")}
    row["codec"] = record.get("codec", "")  # absent from crops of earlier versions
    size = (record["bytes"], record["width"], record["height"], record["total_frames"])
    row["bits_per_pixel"] = round(bits_per_pixel(*size), 5)
    if not record["tracks"]:
        yield row
    for number, track in enumerate(record["tracks"]):
        crops = (folder / track["crops"]).relative_to(folders.output).as_posix()
        own = {"track": number, "crops": crops, "frames": len(track["frames"])}
        own["face_px"] = round(face_side(track["boxes"], track.get("margins", [])), 1)
        yield row | own
