"""Trees of small files that stand for data sets."""

from pathlib import Path

import pandas as pd


def touch(root: Path, *names: str) -> None:
    """Write files that hold their own names, so that no two have the same bytes."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def column(table: pd.DataFrame, name: str) -> dict[str, object]:
    """Map the paths of a table of videos to the values of a column."""
    return dict(zip(table["path"], table[name], strict=True))
