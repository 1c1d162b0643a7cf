"""labels.csv: your own table of files, read or refused by line."""

from pathlib import Path

import pytest

from common.errors import DataError
from datasets import layouts
from datasets.manifest import FAKE, REAL
from tests.helpers.trees import column, touch


def write(folder: Path, text: str) -> Path:
    touch(folder, "a.jpg", "deep/b.mp4", "c.jpg", "d.jpg")
    (folder / "labels.csv").write_text(text)
    return folder


def test_a_row_says_label_source_group_method_and_split(tmp_path: Path) -> None:
    text = (
        "file,label,source,group,method,split\n"
        "a.jpg,REAL,,person 1,,train\n"
        "deep/b.mp4,FAKE,a.jpg,person 1,swap,train\n"
        "c.jpg,REAL,,,,test\n"
        "d.jpg,REAL,,,,val\n"
    )
    table = layouts.read("table", write(tmp_path, text))
    assert column(table, "label") == {
        "a.jpg": REAL,
        "deep/b.mp4": FAKE,
        "c.jpg": REAL,
        "d.jpg": REAL,
    }
    source, group = column(table, "source"), column(table, "group")
    assert source == {"a.jpg": "a.jpg", "deep/b.mp4": "a.jpg", "c.jpg": "c.jpg", "d.jpg": "d.jpg"}
    assert group["deep/b.mp4"] == group["a.jpg"] != group["c.jpg"] == "c.jpg"
    assert column(table, "method")["deep/b.mp4"] == "swap"
    assert column(table, "split") == {
        "a.jpg": "train",
        "deep/b.mp4": "train",
        "c.jpg": "test",
        "d.jpg": "val",
    }


def test_a_fake_joins_the_group_of_its_source_however_either_is_written(tmp_path: Path) -> None:
    text = "file,label,source,group\n./a.jpg, REAL,,person 1\ndeep/b.mp4,FAKE, a.jpg,\n"
    table = layouts.read("table", write(tmp_path, text))
    assert column(table, "source") == {"a.jpg": "a.jpg", "deep/b.mp4": "a.jpg"}
    assert table["group"].nunique() == 1


def test_file_and_label_are_enough_and_a_missing_file_is_a_row(tmp_path: Path) -> None:
    table = layouts.read("table", write(tmp_path, "file,label\na.jpg,REAL\ngone.jpg,FAKE\n"))
    assert column(table, "status")["gone.jpg"] == "missing"
    assert column(table, "group") == {"a.jpg": "a.jpg", "gone.jpg": "gone.jpg"}
    assert set(table["split"]) == {""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na.jpg,maybe\n", r"row 1: label 'maybe' is neither REAL nor FAKE"),
        ("file,label,split\na.jpg,REAL,dev\n", r"row 1: split 'dev' is none of train, val, test"),
        ("file,label\na.jpg,REAL\na.jpg,FAKE\n", r"lists 'a.jpg' twice"),
        ("file,kind\na.jpg,REAL\n", r"lacks the columns label"),
        ("file,label\n", r"has no row"),
    ],
)
def test_a_table_that_says_nothing_clear_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        layouts.read("table", write(tmp_path, text))


def test_without_labels_csv_its_name_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected labels\.csv with columns file and label, found"):
        layouts.read("table", tmp_path)
