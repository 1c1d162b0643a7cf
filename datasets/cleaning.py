"""Findings that a data set should not contain: duplicates, contradicting labels, useless faces.

This module only finds; preprocess_dfdc.py lists the findings in cleaning.csv, and leaves the videos
out with --drop_dirty. Thresholds were chosen on 27,762 face crops of DFDC (docs/decisions.md).
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from common import crop_files
from common.errors import DataError, UsageError
from datasets import content

MIN_FACE = 40  # pixels of the face box's longer side, in the video
# Variance of the Laplacian divided by the variance of the grey levels, of the crop at
# SHARPNESS_SIZE. The division removes light and contrast: without it, dark faces counted as
# blurred.
MIN_SHARPNESS = 0.0075
SHARPNESS_SIZE = 128
# Of the 256 bits of a perceptual hash: pairs of DFDC crops that differed in fewer were frames of
# one shot; from 30 on they were different shots of the same person.
MAX_DISTANCE = 12
HASH_SIDE = 16
HASH_WORDS = HASH_SIDE**2 // 64
CHUNK = 500  # hashes compared with all others at once

COLUMNS = ["video_id", "reason", "detail"]

Finding = tuple[str, str, str]  # COLUMNS


def check_installed() -> None:
    """Raise UsageError unless the packages that `find` needs are installed."""
    if find_spec("imagehash") is None:
        raise UsageError("--clean needs ImageHash: pip install -r requirements-extras.txt")


def find(table: pd.DataFrame, videos: Path, crops: Path) -> pd.DataFrame:
    """Return COLUMNS of every video that should be left out, sorted. Of duplicates the first one
    stays, of contradicting ones none.

    `table` has the manifest's columns, of which `face_px` is needed; `videos` and `crops` are the
    folders that its paths start from. Raise DataError for a damaged crop.
    """
    tracks = table[table["status"] == "ok"].reset_index(drop=True)
    # In one pass, because reading the crops takes most of the time.
    bar = tqdm(tracks.iterrows(), total=len(tracks), desc="clean", unit="track")
    measured = [_measure_crop(track, crops) for _, track in bar]
    tracks["sharpness"] = [value for value, _ in measured]
    hashes = np.array([bits for _, bits in measured]).reshape(len(tracks), HASH_WORDS)
    findings = [*_copies(table, videos), *_unclear(tracks), *_near(tracks, hashes)]
    table = pd.DataFrame(findings, columns=COLUMNS)
    return table.sort_values(COLUMNS, ignore_index=True)


def without(table: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with a single row with the status `skipped` for every video in `findings`."""
    reasons = findings.groupby("video_id")["reason"].agg(", ".join).to_dict()
    table = table[~table["video_id"].isin(reasons) | ~table["video_id"].duplicated()].copy()
    dirty = table["video_id"].isin(reasons)
    table.loc[dirty, ["status", "track", "crops", "frames"]] = ["skipped", -1, "", 0]
    table.loc[dirty, "detail"] = [
        f"left out by --drop_dirty: {reasons[video]}" for video in table.loc[dirty, "video_id"]
    ]
    return table


def _copies(table: pd.DataFrame, root: Path) -> Iterator[Finding]:
    """Find videos with the same bytes: duplicates, or a contradiction if their labels differ. Of
    duplicates a used one stays, if there is one."""
    # Others were refused or are missing, and must not be opened.
    known = table[table["status"].isin(("ok", "no_face", "skipped"))].drop_duplicates("video_id")
    order = known.assign(unused=known["status"] != "ok").sort_values(["unused", "video_id"])
    row_of = {row.video_id: row for row in order.itertuples() if (root / row.path).is_file()}
    for names in content.same({name: root / row.path for name, row in row_of.items()}, {}):
        conflict = len({row_of[name].label for name in names}) > 1
        for name in names[0 if conflict else 1 :]:
            others = ", ".join(other for other in names if other != name)
            reason = "label_conflict" if conflict else "exact_duplicate"
            yield name, reason, f"same content as {others}"


def _unclear(tracks: pd.DataFrame) -> Iterator[Finding]:
    """Find videos whose largest face is too small, or whose sharpest face is too blurred."""
    best = tracks.groupby("video_id")[["face_px", "sharpness"]].max()
    for video in best.itertuples():
        if video.face_px < MIN_FACE:
            yield video.Index, "small_face", f"{video.face_px:.0f} pixels"
        if video.sharpness < MIN_SHARPNESS:
            yield video.Index, "blurred", f"sharpness {video.sharpness:.4f}"


def _near(tracks: pd.DataFrame, hashes: np.ndarray) -> Iterator[Finding]:
    """Find videos that look like a video of another group. Within a group, a fake resembles its
    original and other fakes, as it should."""
    groups, names = tracks["group"].tolist(), tracks["video_id"].tolist()
    nearest: dict[tuple[str, str], int] = {}
    for a, b, bits in pairs_within(hashes, MAX_DISTANCE):
        if groups[a] != groups[b]:
            first, second = sorted((names[a], names[b]))
            nearest[first, second] = min(bits, nearest.get((first, second), bits))
    for (first, second), bits in nearest.items():
        yield second, "near_duplicate", f"{bits} of {HASH_SIDE**2} bits from {first}"


def pairs_within(hashes: np.ndarray, distance: int) -> Iterator[tuple[int, int, int]]:
    """Yield pairs a < b of rows of `hashes` (N, W) uint64 that differ in at most `distance` bits,
    and the number of bits."""
    for start in range(0, len(hashes), CHUNK):
        rest = hashes[start:]
        differing = np.zeros((min(CHUNK, len(rest)), len(rest)), np.uint16)
        for word in range(hashes.shape[1]):
            differing += np.bitwise_count(rest[: len(differing), None, word] ^ rest[None, :, word])
        for a, b in np.argwhere(np.triu(differing <= distance, k=1)):
            yield start + int(a), start + int(b), int(differing[a, b])


def perceptual_hash(grey: np.ndarray) -> np.ndarray:
    """Return the signs of the 16 × 16 lowest frequencies (Zauner 2010) as (HASH_WORDS,) uint64."""
    import imagehash

    bits = imagehash.phash(Image.fromarray(grey), hash_size=HASH_SIDE).hash
    return np.packbits(bits).view(np.uint64)


def sharpness(grey: np.ndarray) -> float:
    """Return the sharpness of a crop (S, S) uint8, see MIN_SHARPNESS; 0 for a uniform one."""
    size = (SHARPNESS_SIZE, SHARPNESS_SIZE)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    contrast = float(small.var())
    return float(cv2.Laplacian(small, cv2.CV_32F).var()) / contrast if contrast else 0.0


def _measure_crop(track: pd.Series, folder: Path) -> tuple[float, np.ndarray]:
    """Return sharpness and perceptual hash of a track's middle crop."""
    jpeg = crop_files.read_middle(folder, track["crops"], track["frames"])
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE) if jpeg else None
    if grey is None:
        raise DataError(
            f"crop {track['frames'] // 2} of {folder / track['crops']} is damaged: delete its "
            "folder and run preprocess_dfdc.py again"
        )
    return sharpness(grey), perceptual_hash(grey)
