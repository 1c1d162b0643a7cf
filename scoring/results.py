"""The folder of an evaluation: every file whole, and none that an earlier call left."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from files import replacing
from scoring import report

METRICS = "metrics.json"  # written last: it names all others


def write(
    folder: Path,
    results: dict[str, Any],
    tables: dict[str, list[pd.DataFrame]],
    plots: list[dict[str, bytes]],
) -> None:
    """metrics.json with `results`; `tables` by file name, each one below the other; the page; the
    `plots` of every evaluation, with a number in their names from the second one on."""
    images = {
        f"{name}{f'_{number}' if number > 1 else ''}.png": data
        for number, drawn in enumerate(plots, start=1)
        for name, data in drawn.items()
    }
    names = [*tables, "report.html", *images]
    _remove(folder, names)
    for name, parts in tables.items():
        with replacing(folder / name) as partial:
            _below_each_other(parts).to_csv(partial, index=False, lineterminator="\n")
    for name, data in images.items():
        with replacing(folder / name) as partial:
            partial.write_bytes(data)
    with replacing(folder / "report.html") as partial:
        report.write(partial, results, plots)
    text = json.dumps({**results, "files": names}, indent=2, allow_nan=False)
    with replacing(folder / METRICS) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _below_each_other(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """What each is of in the first columns."""
    table = pd.concat(tables, ignore_index=True)
    names = ["checkpoint", "csv_file"]
    return table[[*names, *table.columns.drop(names)]]


def _remove(folder: Path, kept: list[str]) -> None:
    """Files that the metrics.json of an earlier call names, but for `kept`."""
    try:
        before = json.loads((folder / METRICS).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):  # none, or not of an evaluation
        return
    for name in set(before) - set(kept):
        if Path(name).name == name:
            (folder / name).unlink(missing_ok=True)
