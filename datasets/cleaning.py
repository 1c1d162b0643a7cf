"""Finds videos to leave out of a dataset: duplicates, contradicting labels, unusable faces.

This module only finds them. preprocess_dfdc.py lists them in cleaning.csv and, with --drop_dirty,
skips them. The thresholds were chosen on 27,762 face crops of DFDC (docs/decisions.md).
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

MIN_FACE = 40  # longer side of the face box, in pixels of the video
# Variance of the Laplacian divided by the variance of the grey levels, both of the crop resized to
# SHARPNESS_SIZE. The division removes the effect of lighting and contrast; without it, dark faces
# were reported as blurred.
MIN_SHARPNESS = 0.0075
SHARPNESS_SIZE = 128
# Largest number of differing bits, of 256, between the perceptual hashes of near-duplicates. DFDC
# crops that differed in fewer were frames of one shot; crops that differed in 30 or more were
# different shots of the same person.
MAX_DISTANCE = 12
HASH_SIDE = 16
HASH_WORDS = HASH_SIDE**2 // 64
CHUNK = 500  # hashes compared with all others in one step; limits the memory

COLUMNS = ["video_id", "reason", "detail"]  # of cleaning.csv
OTHERS = "others"  # further column of a table of findings: names of the videos that are alike

Finding = tuple[str, str, str, tuple[str, ...]]  # video_id, reason, detail, others


def check_installed() -> None:
    """Raise UsageError if ImageHash, which `find` needs, is not installed."""
    if find_spec("imagehash") is None:
        raise UsageError("--clean needs ImageHash: pip install -r requirements-extras.txt")


def find(table: pd.DataFrame, videos: Path, crops: Path) -> pd.DataFrame:
    """Return a table with COLUMNS and OTHERS and one row for each reason to leave out a video,
    sorted. Of duplicates one video is kept, of videos with contradicting labels none.

    `table` is a manifest with the column `face_px`. Its column `path` is relative to the folder
    `videos`, its column `crops` to the folder `crops`. Raise DataError if a crop is missing or
    damaged.
    """
    tracks = table[table["status"] == "ok"].reset_index(drop=True)
    # In one pass, because reading the crops takes most of the time.
    bar = tqdm(tracks.iterrows(), total=len(tracks), desc="clean", unit="track")
    measured = [_measure_crop(track, crops) for _, track in bar]
    tracks["sharpness"] = [value for value, _ in measured]
    hashes = np.array([bits for _, bits in measured]).reshape(len(tracks), HASH_WORDS)
    findings = [*_copies(table, videos), *_unclear(tracks), *_near(tracks, hashes)]
    table = pd.DataFrame(findings, columns=[*COLUMNS, OTHERS])
    return table.sort_values(COLUMNS, ignore_index=True)


def without(table: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of `table` in which every video in `findings` has a single row, with the status
    `skipped` and no crops."""
    reasons = findings.groupby("video_id")["reason"].agg(", ".join).to_dict()
    table = table[~table["video_id"].isin(reasons) | ~table["video_id"].duplicated()].copy()
    dirty = table["video_id"].isin(reasons)
    table.loc[dirty, ["status", "track", "crops", "frames"]] = ["skipped", -1, "", 0]
    table.loc[dirty, "detail"] = [
        f"left out by --drop_dirty: {reasons[video]}" for video in table.loc[dirty, "video_id"]
    ]
    return table


def _copies(table: pd.DataFrame, root: Path) -> Iterator[Finding]:
    """Find videos with identical bytes. If their labels agree, all but one are exact duplicates;
    one with crops is kept if there is one. If their labels differ, all are reported."""
    # Files with another status are missing or were refused, and must not be opened.
    known = table[table["status"].isin(("ok", "no_face", "skipped"))].drop_duplicates("video_id")
    order = known.assign(unused=known["status"] != "ok").sort_values(["unused", "video_id"])
    row_of = {row.video_id: row for row in order.itertuples() if (root / row.path).exists()}
    for names in content.same({name: root / row.path for name, row in row_of.items()}, {}):
        conflict = len({row_of[name].label for name in names}) > 1
        for name in names[0 if conflict else 1 :]:
            others = tuple(other for other in names if other != name)
            reason = "label_conflict" if conflict else "exact_duplicate"
            yield name, reason, f"same content as {', '.join(others)}", others


def _unclear(tracks: pd.DataFrame) -> Iterator[Finding]:
    """Find videos whose largest face is too small, or whose sharpest face is too blurred."""
    best = tracks.groupby("video_id")[["face_px", "sharpness"]].max()
    for video in best.itertuples():
        if 0 < video.face_px < MIN_FACE:  # 0: unknown
            yield video.Index, "small_face", f"{video.face_px:.0f} pixels", ()
        if video.sharpness < MIN_SHARPNESS:
            yield video.Index, "blurred", f"sharpness {video.sharpness:.4f}", ()


def _near(tracks: pd.DataFrame, hashes: np.ndarray) -> Iterator[Finding]:
    """Find videos that look like a video of another group. Within a group this is normal: a fake
    resembles its original and the other fakes of it."""
    groups, names = tracks["group"].tolist(), tracks["video_id"].tolist()
    nearest: dict[tuple[str, str], int] = {}
    for a, b, bits in pairs_within(hashes, MAX_DISTANCE):
        if groups[a] != groups[b]:
            first, second = sorted((names[a], names[b]))
            nearest[first, second] = min(bits, nearest.get((first, second), bits))
    for (first, second), bits in nearest.items():
        yield second, "near_duplicate", f"{bits} of {HASH_SIDE**2} bits from {first}", (first,)


def pairs_within(hashes: np.ndarray, distance: int) -> Iterator[tuple[int, int, int]]:
    """Yield `(a, b, bits)` for each pair of rows a < b of `hashes` (N, W) uint64 that differ in at
    most `distance` bits; `bits` is the number of differing bits."""
    for start in range(0, len(hashes), CHUNK):
        rest = hashes[start:]
        differing = np.zeros((min(CHUNK, len(rest)), len(rest)), np.uint16)
        for word in range(hashes.shape[1]):
            differing += np.bitwise_count(rest[: len(differing), None, word] ^ rest[None, :, word])
        for a, b in np.argwhere(np.triu(differing <= distance, k=1)):
            yield start + int(a), start + int(b), int(differing[a, b])


def perceptual_hash(grey: np.ndarray) -> np.ndarray:
    """Return the perceptual hash (Zauner 2010) of an image (H, W) uint8 as (HASH_WORDS,) uint64:
    one bit for each of the 16 × 16 lowest frequencies, set if it exceeds their median."""
    import imagehash

    bits = imagehash.phash(Image.fromarray(grey), hash_size=HASH_SIDE).hash
    return np.packbits(bits).view(np.uint64)


def sharpness(grey: np.ndarray) -> float:
    """Return the sharpness of a crop (S, S) uint8, as defined at MIN_SHARPNESS; 0 if all its pixels
    are equal."""
    size = (SHARPNESS_SIZE, SHARPNESS_SIZE)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    contrast = float(small.var())
    return float(cv2.Laplacian(small, cv2.CV_32F).var()) / contrast if contrast else 0.0


def _measure_crop(track: pd.Series, folder: Path) -> tuple[float, np.ndarray]:
    """Return the sharpness and the perceptual hash of a track's middle crop. Raise DataError if it
    cannot be read."""
    jpeg = crop_files.read_middle(folder, track["crops"], track["frames"])
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE) if jpeg else None
    if grey is None:
        raise DataError(
            f"crop {track['frames'] // 2} of {folder / track['crops']} is damaged: delete its "
            "folder and run preprocess_dfdc.py again"
        )
    return sharpness(grey), perceptual_hash(grey)
