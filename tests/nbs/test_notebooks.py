"""Notebooks run from beginning to end, are short, and are stored without results.

The two smallest run here; `python -m benchmarks.notebooks` (make prove) runs all.
"""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.notebooks import FOLDER, run_notebook
from tests.helpers.commands import ROOT

NOTEBOOKS = sorted((ROOT / "nbs").glob("*.ipynb"))
SMALLEST = ("00_video_dataset", "01_model")
MOST_CELLS = 25


@pytest.fixture
def copy_of_root(tmp_path: Path) -> Path:
    """A folder that looks like the repository, in which notebooks may write."""
    for path in ROOT.iterdir():
        if path.name not in ("nbs", "data", "checkpoints") and not path.name.startswith("."):
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(ROOT / "nbs", tmp_path / "nbs")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_every_cell_runs(name: str, copy_of_root: Path) -> None:
    run_notebook(copy_of_root / FOLDER / f"{name}.ipynb")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_short_and_holds_no_results(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert len(cells) <= MOST_CELLS
    for cell in cells:
        results = cell.get("outputs"), cell.get("execution_count")
        assert not any(results), f"{path.name}: clear its results before storing it"


def test_the_lessons_are_there() -> None:
    assert {path.stem for path in NOTEBOOKS} == {
        *("00_video_dataset", "01_model", "02_train", "03_score"),
        "Colab_ds_preproc",
    }
