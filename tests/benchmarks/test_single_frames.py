"""A manifest of crops that lie in tar files."""

import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import single_frames
from common import crop_files
from common.crop_files import add_member
from datasets import manifest
from faces.crop import to_jpeg
from tests.benchmarks.commands import error_line, run

SOURCES = 40


def jpeg(number: int) -> bytes:
    return to_jpeg(np.full((16, 16, 3), number, np.uint8), 90)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A real and a fake of each source, in two shards."""
    folder = tmp_path / "faces"
    folder.mkdir()
    rows = []
    for shard in ("a.tar", "b.tar"):
        with tarfile.open(folder / shard, "w") as tar:
            for number in range(len(rows), len(rows) + SOURCES):
                name = f"{number:03}.jpg"
                add_member(tar, name, jpeg(number))
                label, source = ("REAL", "FAKE")[number % 2], f"source{number // 2}"
                rows.append([name, shard, label, source, 1920, 1080])
    table = pd.DataFrame(rows, columns=list(single_frames.COLUMNS))
    table.to_csv(folder / "labels.csv", index=False)
    return folder


def test_the_manifest_names_every_crop_and_splits_by_source(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    output = tmp_path / "out"
    assert run(monkeypatch, single_frames, faces, "--output", output) == 0
    text = capsys.readouterr().out
    assert "AUC of the JPEG's size, val: " in text and "AUC of the JPEG's size, test: " in text
    data = manifest.read(output / "videos_df.csv")
    assert len(data.table) == 2 * SOURCES
    assert set(data.table["split"]) == set(manifest.SPLITS)
    assert (data.table.groupby("source")["split"].nunique() == 1).all()
    for row in data.table.itertuples():
        number = int(Path(row.path).stem)
        assert crop_files.read(output, row.crops, 1) == [jpeg(number)]
        assert row.label == number % 2


def test_faulty_labels_and_shards_are_one_line(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def line() -> str:
        return error_line(monkeypatch, capsys, single_frames, faces, "--output", tmp_path / "out")

    labels = pd.read_csv(faces / "labels.csv")
    labels.replace("000.jpg", "gone.jpg").to_csv(faces / "labels.csv", index=False)
    assert "1 files of labels.csv are in no shard, first 'gone.jpg'" in line()
    labels.drop(columns="shard").to_csv(faces / "labels.csv", index=False)
    assert "lacks the columns shard" in line()
    labels.to_csv(faces / "labels.csv", index=False)
    (faces / "b.tar").write_text("no tar file" * 100)
    assert "b.tar is not a tar file" in line()
    (faces / "labels.csv").unlink()
    assert "labels.csv" in line()
