"""An evaluation's folder holds what its metrics.json names, and nothing of an earlier call."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evaluation import report
from evaluation.results import write

TABLE = pd.DataFrame({"checkpoint": ["a"], "csv_file": ["b"], "p_fake": [0.5]})


@pytest.fixture(autouse=True)
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "write", lambda path, results, plots: path.write_text("page"))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_plots_of_several_evaluations_and_odd_columns_have_names_of_their_own(
    tmp_path: Path,
) -> None:
    plots = [{"by_x": b"1", "by_x_2": b"2"}, {"by_x": b"3"}]
    write(tmp_path, {}, {"scores.csv": [TABLE]}, plots)
    found = {path.read_bytes() for path in tmp_path.glob("*.png")}
    assert found == {b"1", b"2", b"3"}


def test_what_an_earlier_call_wrote_goes_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(b"mine")
    write(tmp_path, {}, {"scores.csv": [TABLE], "frames.csv": [TABLE]}, [{"robustness": b"1"}])
    write(tmp_path, {}, {"scores.csv": [TABLE]}, [{"roc": b"1"}])
    assert names(tmp_path) == {"mine.png", "metrics.json", "scores.csv", "report.html", "roc.png"}


@pytest.mark.parametrize(
    "files",
    [None, 5, "roc.png", [1], [["x"]], ["", ".."], ["sub"], ["x\0"], ["best.pt"], ["../other.png"]],
)
def test_a_metrics_json_of_somebody_else_deletes_nothing(tmp_path: Path, files: Any) -> None:
    folder = tmp_path / "run"
    (folder / "sub").mkdir(parents=True)
    for path in (folder / "best.pt", tmp_path / "other.png"):
        path.write_bytes(b"")
    (folder / "metrics.json").write_text(json.dumps({"files": files}))
    write(folder, {}, {"scores.csv": [TABLE]}, [])
    assert names(folder) == {"best.pt", "sub", "metrics.json", "scores.csv", "report.html"}
    assert (tmp_path / "other.png").exists()
