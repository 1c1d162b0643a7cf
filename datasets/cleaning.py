"""What should not be in a data set: copies, contradictions, faces that show too little.

Only finds; preprocess_dfdc.py lists the findings in cleaning.csv, and leaves videos out with
--drop_dirty. Thresholds were chosen on 27,762 face crops of DFDC (docs/decisions.md).
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
# Variance of the Laplacian over variance of the grey levels, of the crop at SHARPNESS_SIZE: the
# second makes it blind to light and contrast, without which dark faces counted as blurred.
MIN_SHARPNESS = 0.0075
SHARPNESS_SIZE = 128
# Bits of a perceptual hash of 256: pairs of DFDC crops that differed by less were frames of one
# shot, from 30 on they were other shots of the same person.
MAX_DISTANCE = 12
HASH_SIDE = 16
HASH_WORDS = HASH_SIDE**2 // 64
CHUNK = 500  # hashes compared with all others at once

COLUMNS = ["video_id", "reason", "detail"]

Finding = tuple[str, str, str]  # COLUMNS


def require() -> None:
    """Raise UsageError when what `find` needs is not installed."""
    if find_spec("imagehash") is None:
        raise UsageError("--clean needs ImageHash: pip install -r requirements-extras.txt")


def find(table: pd.DataFrame, videos: Path, crops: Path) -> pd.DataFrame:
    """COLUMNS of every video that had better be left out, sorted: of copies the first one stays,
    of contradictions none.

    `table` has the manifest's columns and `face`, the side of a track's box in pixels; `videos`
    and `crops` are the folders that its paths start from. Raise DataError for a damaged crop.
    """
    tracks = table[table["status"] == "ok"].reset_index(drop=True)
    # One pass: reading the crops is what takes the time.
    bar = tqdm(tracks.iterrows(), total=len(tracks), desc="clean", unit="track")
    looks = [_look(track, crops) for _, track in bar]
    tracks["sharpness"] = [value for value, _ in looks]
    hashes = np.array([bits for _, bits in looks]).reshape(len(tracks), HASH_WORDS)
    findings = [*_copies(table, videos), *_unclear(tracks), *_near(tracks, hashes)]
    found = pd.DataFrame(findings, columns=COLUMNS)
    return found.sort_values(COLUMNS, ignore_index=True)


def without(table: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """`table` with one row `skipped` for every video in `found`, in place of its tracks."""
    reasons = found.groupby("video_id")["reason"].agg(", ".join).to_dict()
    table = table[~table["video_id"].isin(reasons) | ~table["video_id"].duplicated()].copy()
    dirty = table["video_id"].isin(reasons)
    table.loc[dirty, ["status", "track", "crops", "frames"]] = ["skipped", -1, "", 0]
    table.loc[dirty, "detail"] = [
        f"left out by --drop_dirty: {reasons[video]}" for video in table.loc[dirty, "video_id"]
    ]
    return table


def _copies(table: pd.DataFrame, root: Path) -> Iterator[Finding]:
    """Videos of the same bytes: copies, or a contradiction where their labels differ. Of copies
    one that is used stays, if there is one."""
    # Others were refused, or are not there: they are not to be opened.
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
    """Videos whose largest face is too small, or whose sharpest is too blurred."""
    best = tracks.groupby("video_id")[["face_px", "sharpness"]].max()
    for video in best.itertuples():
        if video.face_px < MIN_FACE:
            yield video.Index, "small_face", f"{video.face_px:.0f} pixels"
        if video.sharpness < MIN_SHARPNESS:
            yield video.Index, "blurred", f"sharpness {video.sharpness:.4f}"


def _near(tracks: pd.DataFrame, hashes: np.ndarray) -> Iterator[Finding]:
    """Videos that look like one of another group. Inside a group a fake looks like its original,
    and fakes like each other, as they should."""
    groups, names = tracks["group"].tolist(), tracks["video_id"].tolist()
    nearest: dict[tuple[str, str], int] = {}
    for a, b, bits in pairs_within(hashes, MAX_DISTANCE):
        if groups[a] != groups[b]:
            first, second = sorted((names[a], names[b]))
            nearest[first, second] = min(bits, nearest.get((first, second), bits))
    for (first, second), bits in nearest.items():
        yield second, "near_duplicate", f"{bits} of {HASH_SIDE**2} bits from {first}"


def pairs_within(hashes: np.ndarray, distance: int) -> Iterator[tuple[int, int, int]]:
    """(N, W) uint64 → pairs a < b of rows that differ in at most `distance` bits, and in how
    many."""
    for start in range(0, len(hashes), CHUNK):
        rest = hashes[start:]
        differing = np.zeros((min(CHUNK, len(rest)), len(rest)), np.uint16)
        for word in range(hashes.shape[1]):
            differing += np.bitwise_count(rest[: len(differing), None, word] ^ rest[None, :, word])
        for a, b in np.argwhere(np.triu(differing <= distance, k=1)):
            yield start + int(a), start + int(b), int(differing[a, b])


def perceptual_hash(grey: np.ndarray) -> np.ndarray:
    """(HASH_WORDS,) uint64: the signs of the 16 × 16 lowest frequencies (Zauner 2010)."""
    import imagehash

    bits = imagehash.phash(Image.fromarray(grey), hash_size=HASH_SIDE).hash
    return np.packbits(bits).view(np.uint64)


def sharpness(grey: np.ndarray) -> float:
    """Of a crop (S, S) uint8; see MIN_SHARPNESS. 0 for one that shows nothing."""
    size = (SHARPNESS_SIZE, SHARPNESS_SIZE)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    contrast = float(small.var())
    return float(cv2.Laplacian(small, cv2.CV_32F).var()) / contrast if contrast else 0.0


def _look(track: pd.Series, folder: Path) -> tuple[float, np.ndarray]:
    """Sharpness and perceptual hash of a track's middle crop."""
    jpeg = crop_files.read_middle(folder, track["crops"], track["frames"])
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE) if jpeg else None
    if grey is None:
        raise DataError(
            f"crop {track['frames'] // 2} of {folder / track['crops']} is damaged: delete its "
            "folder and run preprocess_dfdc.py again"
        )
    return sharpness(grey), perceptual_hash(grey)
