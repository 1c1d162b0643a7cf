"""The folder of an evaluation: every file whole, and none that an earlier call left."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from common.files import replacing
from evaluation import report

METRICS = "metrics.json"  # written last: it names all others
ENDINGS = (".csv", ".png", ".html")  # of those


def write(
    folder: Path,
    results: dict[str, Any],
    tables: dict[str, list[pd.DataFrame]],
    plots: list[dict[str, bytes]],
) -> None:
    """metrics.json with `results`; `tables` by file name, each one below the other; the page; the
    `plots` of every evaluation, with its number before their names from the second one on."""
    images = {
        f"{f'{number}_' if number > 1 else ''}{name}.png": data
        for number, drawn in enumerate(plots, start=1)
        for name, data in drawn.items()
    }
    names = [*tables, "report.html", *images]
    before = _written_before(folder)
    (folder / METRICS).unlink(missing_ok=True)  # from here on it would not be true
    for name, parts in tables.items():
        with replacing(folder / name) as partial:
            _below_each_other(parts).to_csv(partial, index=False, lineterminator="\n")
    for name, data in images.items():
        with replacing(folder / name) as partial:
            partial.write_bytes(data)
    with replacing(folder / "report.html") as partial:
        report.write(partial, results, plots)
    for name in before - set(names):
        (folder / name).unlink(missing_ok=True)
    text = json.dumps({**results, "files": names}, indent=2, allow_nan=False)
    with replacing(folder / METRICS) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _below_each_other(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """What each is of in the first columns."""
    table = pd.concat(tables, ignore_index=True)
    names = ["checkpoint", "csv_file"]
    return table[[*names, *table.columns.drop(names)]]


def _written_before(folder: Path) -> set[str]:
    """Files of an earlier call that its metrics.json names: of such kinds as these calls write, in
    the folder itself."""
    try:
        names = json.loads((folder / METRICS).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):  # none, or not of an evaluation
        return set()
    there = {path.name for path in folder.iterdir() if path.is_file() and path.suffix in ENDINGS}
    return {name for name in there if name in names} if isinstance(names, list) else set()
