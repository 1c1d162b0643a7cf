"""Draws thumbnails.png, one crop from each of many tracks, to check the crops by eye."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from common import crop_files
from common.figures import FAKE_COLOUR, REAL_COLOUR, rgb

TILE, GAP, COLUMNS, MAX_TRACKS = 112, 6, 10, 100
FRAME_COLOURS = {0: rgb(REAL_COLOUR)[::-1], 1: rgb(FAKE_COLOUR)[::-1]}  # BGR, by label


def write_contact_sheet(table: pd.DataFrame, folder: Path) -> Path | None:
    """Write thumbnails.png to `folder`: the middle crops of up to MAX_TRACKS tracks, spread evenly
    over `table`, each with its name and a border in its label's colour. Return the file's path, or
    None if no track has crops.

    `table` has the manifest's columns; its column `crops` is relative to `folder`.
    """
    tracks = table[table["status"] == "ok"]
    if tracks.empty:
        return None
    tiles = [_tile(row, folder) for row in spread(tracks, MAX_TRACKS).itertuples()]
    columns = min(COLUMNS, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    sheet = np.vstack(
        [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    )
    path = folder / "thumbnails.png"
    path.write_bytes(cv2.imencode(".png", sheet)[1].tobytes())
    return path


def spread(tracks: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return up to `count` rows, spread evenly over the table."""
    if tracks.empty:
        return tracks
    return tracks.iloc[np.unique(np.linspace(0, len(tracks) - 1, count).round().astype(int))]


def _tile(row: Any, folder: Path) -> np.ndarray:
    """Return the picture (H, W, 3) uint8 BGR of one track: its crop, border and name."""
    data = np.frombuffer(crop_files.read_middle(folder, row.crops, row.frames), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert image is not None, "extraction has just written it"
    crop = cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_AREA)
    tile = np.full((TILE + 2 * GAP + 12, TILE + 2 * GAP, 3), 255, np.uint8)
    tile[: TILE + 2 * GAP] = FRAME_COLOURS[row.label]
    tile[GAP : GAP + TILE, GAP : GAP + TILE] = crop
    # OpenCV draws ASCII only, and crashes on names that are not valid UTF-8.
    name = f"{Path(row.path).stem[:12]} {row.track}".encode("ascii", "replace").decode()
    cv2.putText(
        tile, name, (2, TILE + 2 * GAP + 9), cv2.FONT_HERSHEY_SIMPLEX, 0.33, 0, 1, cv2.LINE_AA
    )
    return tile
