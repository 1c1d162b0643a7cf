"""The Colab notebook prepares DFDC part by part; here with a download that is none."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbs import notebook2script
from tests.helpers.commands import ROOT

FLAGS = [
    *("--frames_per_video", "4", "--face_size", "64", "--workers", "1"),
    *("--val_share", "0", "--test_share", "0", "--undersample", "False"),
]


@pytest.fixture(scope="module")
def exported() -> dict[str, Any]:
    """The names that the marked cells of the notebook define."""
    notebook = notebook2script.read(ROOT / "nbs/Colab_ds_preproc.ipynb")
    names: dict[str, Any] = {}
    exec(compile(notebook2script.exported(notebook), "colab.py", "exec"), names)
    return names


@pytest.fixture
def fake_download(talking_heads: Path) -> Callable[[int, Path], Path]:
    def get(part: int, folder: Path) -> Path:
        name = f"dfdc_train_part_{part}"
        return Path(shutil.make_archive(str(folder / name), "zip", talking_heads, name))

    return get


@pytest.mark.slow
def test_a_part_ends_up_on_drive_and_nowhere_else(
    exported: dict[str, Any],
    fake_download: Callable[[int, Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    work, drive = tmp_path / "work", tmp_path / "drive"
    (work / "videos").mkdir(parents=True)  # an earlier call was interrupted
    (drive / "partial_00").mkdir(parents=True)
    path = exported["prepare"](0, fake_download, work, drive, FLAGS)
    assert path == drive / "part_00/videos_df.csv"
    assert set(pd.read_csv(path)["status"]) == {"ok"}
    assert list(drive.glob("part_00/shards/*/train-*.tar"))
    assert not (drive / "part_00/crops").exists(), "many small files"
    assert not work.exists()
    assert not list(drive.glob("partial_*"))


def test_a_part_that_is_on_drive_is_not_downloaded_again(
    exported: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "part_07/videos_df.csv"
    path.parent.mkdir()
    path.touch()

    def refused(part: int, folder: Path) -> Path:
        raise AssertionError("downloaded again")

    assert exported["prepare"](7, refused, tmp_path / "work", tmp_path, []) == path
