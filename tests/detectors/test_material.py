"""The pictures of the collections become folders that preprocess_dfdc.py reads."""

import io
import tarfile
from pathlib import Path

import pytest

from datasets import layouts
from detectors import material
from tests.helpers.commands import run_here


@pytest.fixture
def collections(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    for folder in ("dfdc_faces", "real_faces", "gan_faces/real", "gan_faces/fake"):
        (data / folder).mkdir(parents=True)
    with tarfile.open(data / "dfdc_faces" / "faces-00.tar", "w") as archive:
        for name in ("a.jpg", "b.jpg"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    (data / "dfdc_faces" / "labels.csv").write_text(
        "file,shard,label,source\na.jpg,faces-00.tar,REAL,s\nb.jpg,faces-00.tar,FAKE,s\n"
    )
    (data / "real_faces" / "faces.csv").write_text("file,group\np.jpg,g\nq.jpg,g\n")
    names = ("real_faces/p.jpg", "real_faces/q.jpg", "gan_faces/real/1.jpg", "gan_faces/fake/2.jpg")
    for name in names:
        (data / name).write_bytes(b"picture")
    return data


def test_every_picture_is_there_with_its_label_source_and_group(
    collections: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "made"
    for _ in range(2):  # again is allowed
        assert run_here(monkeypatch, material.main, collections, output) == 0
    tables = {name: layouts.read("table", output / name) for name in ("dfdc", "real", "gan")}
    assert all((table["status"] != "missing").all() for table in tables.values())
    rows = {
        name: table[["label", "source", "group"]].to_numpy().tolist()
        for name, table in tables.items()
    }
    assert rows["dfdc"] == [[0, "s", "s"], [1, "s", "s"]]
    assert rows["real"] == [[0, "p.jpg", "g"], [0, "q.jpg", "g"]]
    assert rows["gan"] == [[0, "real/1.jpg", "real/1.jpg"], [1, "real/1.jpg", "real/1.jpg"]]
    assert not any(path.is_symlink() for path in output.rglob("*"))


def test_a_folder_without_the_collections_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, material.main, tmp_path, tmp_path / "made") == 2
    assert "dfdc_faces/labels.csv: the first argument" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("real_faces/faces.csv", "file,group\n../p.jpg,g\n", "'../p.jpg' is not the name"),
        ("real_faces/faces.csv", "file\np.jpg\n", "lacks one of the columns"),
        ("gan_faces/real/2.jpg", "", "2 real and 1 fake pictures"),
    ],
)
def test_what_cannot_be_used_is_said(
    collections: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    text: str,
    said: str,
) -> None:
    (collections / file).write_text(text)
    assert run_here(monkeypatch, material.main, collections, tmp_path / "made") == 2
    assert said in capsys.readouterr().err
