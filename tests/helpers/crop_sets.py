"""Tracks, and small manifests with crops on disk, made without videos."""

from pathlib import Path

import numpy as np
import pandas as pd

from common.preprocessing import FaceConfig
from datasets import manifest
from extraction.store import crop_name
from faces.crop import to_jpeg
from faces.extract import FaceTrack

FACES = FaceConfig(face_size=40)


def write_crop_set(
    folder: Path,
    sources: dict[str, int],
    fakes_each: int = 4,
    frames: int = 6,
    seed: int = 0,
) -> Path:
    """Write crops and a manifest; return its path. `sources` maps each split to its number of
    sources, each with a real and `fakes_each` fakes, which are brighter in the middle."""
    random = np.random.default_rng(seed)
    rows = []
    for split, count in sources.items():
        for number in range(count):
            source = f"{split}{number}"
            base = random.integers(60, 160, 3)
            for copy in range(1 + fakes_each):
                name = source if copy == 0 else f"{source}_fake{copy}"
                crops = Path("crops") / "part" / f"{name}.mp4" / "track_0"
                _write_crops(folder / crops, base, copy > 0, frames, random)
                rows.append(
                    {
                        "video_id": f"part/{name}.mp4",
                        "path": f"part/{name}.mp4",
                        "label": int(copy > 0),
                        "source": source,
                        "group": source,
                        "split": split,
                        "method": f"method{copy}" if copy else "",
                        "status": "ok",
                        "detail": "",
                        "track": 0,
                        "crops": crops.as_posix(),
                        "frames": frames,
                        "width": 320,
                        "height": 240,
                        "fps": 25.0,
                    }
                )
    path = folder / "videos_df.csv"
    manifest.write(path, pd.DataFrame(rows))
    manifest.write_record(path, {"faces": FACES.to_dict()})
    return path


def write_training_data(folder: Path) -> None:
    """Write data/ for tests of training: 12 clips per epoch, so three steps; two for validation."""
    write_crop_set(folder / "data", {"train": 6, "val": 2}, fakes_each=2, frames=3)


def face_track(frames: list[int], jpegs: list[bytes]) -> FaceTrack:
    """Return the track of a person who sits still."""
    count = len(frames)
    return FaceTrack(
        frames=frames,
        seconds=[round(index / 25, 3) for index in frames],
        boxes=[[1.5, 2.5, 30.0, 40.0]] * count,
        landmarks=[[[3.0, 4.0]] * 5] * count,
        confidences=[0.9991] * count,
        jpegs=jpegs,
    )


def _write_crops(
    folder: Path, base: np.ndarray, fake: bool, frames: int, random: np.random.Generator
) -> None:
    folder.mkdir(parents=True)
    for index in range(frames):
        crop = base + random.normal(0, 8, (FACES.face_size, FACES.face_size, 3))
        if fake:
            crop[12:28, 12:28] += 60
        data = to_jpeg(np.clip(crop, 0, 255).astype(np.uint8), FACES.jpeg_quality)
        (folder / crop_name(index)).write_bytes(data)
