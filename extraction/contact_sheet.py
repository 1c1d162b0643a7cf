"""A picture of many tracks at a glance, to see whether the crops are what they should be."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from common import crop_files
from common.figures import FAKE_COLOUR, REAL_COLOUR, rgb

TILE, GAP, COLUMNS, MAX_TRACKS = 112, 6, 10, 100
COLOURS = {0: rgb(REAL_COLOUR)[::-1], 1: rgb(FAKE_COLOUR)[::-1]}  # BGR, by label


def write_contact_sheet(table: pd.DataFrame, folder: Path) -> Path | None:
    """The middle crop of up to MAX_TRACKS tracks, evenly chosen, framed by label and named.

    `table` has the manifest's columns. Returns None when no track has crops.
    """
    tracks = table[table["status"] == "ok"]
    if tracks.empty:
        return None
    chosen = np.unique(np.linspace(0, len(tracks) - 1, MAX_TRACKS).round().astype(int))
    tiles = [_tile(row, folder) for row in tracks.iloc[chosen].itertuples()]
    columns = min(COLUMNS, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    sheet = np.vstack(
        [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    )
    path = folder / "thumbnails.png"
    path.write_bytes(cv2.imencode(".png", sheet)[1].tobytes())
    return path


def _tile(row, folder: Path) -> np.ndarray:
    data = np.frombuffer(crop_files.read_middle(folder, row.crops, row.frames), np.uint8)
    crop = cv2.resize(
        cv2.imdecode(data, cv2.IMREAD_COLOR), (TILE, TILE), interpolation=cv2.INTER_AREA
    )
    tile = np.full((TILE + 2 * GAP + 12, TILE + 2 * GAP, 3), 255, np.uint8)
    tile[: TILE + 2 * GAP] = COLOURS[row.label]
    tile[GAP : GAP + TILE, GAP : GAP + TILE] = crop
    # OpenCV's letters are ASCII; it crashes on names that are not even UTF-8.
    name = f"{Path(row.path).stem[:12]} {row.track}".encode("ascii", "replace").decode()
    cv2.putText(
        tile, name, (2, TILE + 2 * GAP + 9), cv2.FONT_HERSHEY_SIMPLEX, 0.33, 0, 1, cv2.LINE_AA
    )
    return tile
