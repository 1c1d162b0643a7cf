"""The notebooks run from beginning to end, and are stored without results."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.commands import ROOT

NOTEBOOKS = sorted((ROOT / "nbs").glob("*.ipynb"))
# Runs the code cells of a notebook in one namespace, as a kernel does.
KERNEL = """
import json, sys
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
names = {}
for cell in cells:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
"""


@pytest.fixture
def copy_of_root(tmp_path: Path) -> Path:
    """A folder that looks like the repository, in which notebooks may write."""
    for path in ROOT.iterdir():
        if path.name not in ("nbs", "data", "checkpoints") and not path.name.startswith("."):
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(ROOT / "nbs", tmp_path / "nbs")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs(notebook: Path, copy_of_root: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KERNEL, notebook.name],
        cwd=copy_of_root / "nbs",
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_the_notebooks_are_there_and_hold_no_results() -> None:
    assert {"00_video_dataset", "03_score"} <= {path.stem for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            results = cell.get("outputs"), cell.get("execution_count")
            assert not any(results), f"{path.name}: clear its results before storing it"
