"""--layout classes: a folder for each class, and what is refused."""

from pathlib import Path

import pandas as pd
import pytest

from common.errors import DataError
from datasets import layouts
from datasets.manifest import REAL
from extraction import planning
from extraction.planning import InputOptions, SplitOptions
from tests.helpers.trees import column, touch

SPLITS = SplitOptions(0, "source", 0.1, 0.1, undersample=False)


def read(root: Path, *names: str) -> pd.DataFrame:
    touch(root, *names)
    return layouts.read("classes", root)


def refused(root: Path, *names: str) -> str:
    with pytest.raises(DataError) as caught:
        read(root, *names)
    return str(caught.value)


def test_the_folder_is_the_class_and_every_file_a_source(tmp_path: Path) -> None:
    table = read(tmp_path, "cats/1.jpg", "cats/old/2.jpg", "faces/1.png", "faces/2.mp4")
    assert column(table, "class") == {
        **{"cats/1.jpg": "cats", "cats/old/2.jpg": "cats"},
        **{"faces/1.png": "faces", "faces/2.mp4": "faces"},
    }
    assert set(table["label"]) == {REAL}
    assert table["group"].is_unique
    assert set(table["split"]) == {""}


def test_splits_of_the_tree_are_kept(tmp_path: Path) -> None:
    names = [f"{s}/{c}/1.jpg" for s in ("train", "valid", "test") for c in ("cats", "dogs")]
    table = read(tmp_path, *names)
    assert column(table, "split")["valid/cats/1.jpg"] == "val"
    assert set(table["class"]) == {"cats", "dogs"}
    assert table["group"].is_unique, "a name that repeats in another split is another picture"


def test_what_cannot_be_learned_is_refused_with_its_reason(tmp_path: Path) -> None:
    assert "for each of two or more classes" in refused(tmp_path / "a", "cats/1.jpg", "cats/2.jpg")
    one = refused(tmp_path / "b", "cats/1.jpg", "cats/2.jpg", "dogs/1.jpg")
    assert "'dogs' has one picture" in one
    assert "1.jpg lies in no class" in refused(tmp_path / "c", "cats/1.jpg", "1.jpg")
    mixed = refused(
        tmp_path / "d", "test/a/1.jpg", "test/a/2.jpg", "c/1.jpg", "c/2.jpg", "train/a/3.jpg"
    )
    assert "folders of splits, and c/1.jpg is in none" in mixed


def test_the_same_picture_in_two_classes_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "cats/1.jpg", "cats/2.jpg", "dogs/1.jpg", "dogs/2.jpg")
    for name in ("cats/2.jpg", "dogs/1.jpg"):
        (tmp_path / name).write_bytes(b"the same")
    data = InputOptions(tmp_path, "classes", [], allow_one_label=False)
    with pytest.raises(DataError, match=r"cats/2\.jpg and dogs/1\.jpg are the same file in two"):
        planning.plan(data, SPLITS, pd.DataFrame())
