"""Writes an evaluation's folder, each file atomically, and removes files of an earlier call."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from common.files import replacing
from common.spreadsheets import quote_table
from evaluation import report

METRICS = "metrics.json"  # written last: it lists all other files
ENDINGS = (".csv", ".png", ".html")  # endings of the other files


def write(
    folder: Path,
    results: dict[str, Any],
    tables: dict[str, list[pd.DataFrame]],
    plots: list[dict[str, bytes]],
) -> None:
    """Write metrics.json, the tables, report.html and the plots into `folder`, and remove files
    that only an earlier call wrote.

    `results` is the content of metrics.json without `files`. `tables` maps a file name to the
    tables that are concatenated in it. `plots` has one dict per evaluation: plot name → PNG bytes.
    From the second evaluation on, its number precedes the file name: `2_roc.png`.
    """
    images = {
        f"{f'{number}_' if number > 1 else ''}{name}.png": data
        for number, drawn in enumerate(plots, start=1)
        for name, data in drawn.items()
    }
    names = [*tables, "report.html", *images]
    earlier = _earlier_files(folder)
    (folder / METRICS).unlink(missing_ok=True)  # it would not match files from here on
    for name, parts in tables.items():
        with replacing(folder / name) as partial:
            table = quote_table(_concatenate(parts))
            table.to_csv(partial, index=False, lineterminator="\n")
    for name, data in images.items():
        with replacing(folder / name) as partial:
            partial.write_bytes(data)
    with replacing(folder / "report.html") as partial:
        report.write(partial, results, plots)
    for name in earlier - set(names):
        (folder / name).unlink(missing_ok=True)
    text = json.dumps({**results, "files": names}, indent=2, allow_nan=False)
    with replacing(folder / METRICS) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _concatenate(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate tables, with the columns `checkpoint` and `csv_file` first."""
    table = pd.concat(tables, ignore_index=True)
    names = ["checkpoint", "csv_file"]
    return table[[*names, *table.columns.drop(names)]]


def _earlier_files(folder: Path) -> set[str]:
    """Return the names of files that an existing metrics.json lists. Names are ignored unless the
    file lies directly in `folder` and has one of ENDINGS."""
    try:
        names = json.loads((folder / METRICS).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):  # missing, or not written by evaluate.py
        return set()
    existing = {path.name for path in folder.iterdir() if path.is_file() and path.suffix in ENDINGS}
    return {name for name in existing if name in names} if isinstance(names, list) else set()
