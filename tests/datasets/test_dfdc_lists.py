"""DFDC as people have it: unpacked a level deeper, its preview, its test set, odd encodings."""

import json
from pathlib import Path
from typing import Any

import pytest

from common import foreign
from common.errors import DataError
from datasets import layouts, splits
from tests.helpers.trees import column, touch

METADATA = {"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "FAKE", "original": "a.mp4"}}


def write(path: Path, content: Any, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding=encoding)


def refused(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        layouts.read("dfdc", root)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_no_part_of_the_metadata(tmp_path: Path, encoding: str) -> None:
    write(tmp_path / "metadata.json", METADATA, encoding)
    assert layouts.read("dfdc", tmp_path)["source"].tolist() == ["a", "a"]


def test_a_video_that_is_listed_twice_is_refused_by_its_name(tmp_path: Path) -> None:
    text = '{"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "REAL"}, "b.mp4": {"label": "FAKE"}}'
    write(tmp_path / "metadata.json", text)
    said = refused(tmp_path)
    assert "two values for 'b.mp4'" in said
    assert str(tmp_path / "metadata.json") in said


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_metadata_that_is_nested_too_deeply_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path / "metadata.json", text)
    assert "cannot be read as JSON" in refused(tmp_path)


def test_a_list_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "MAX_JSON_BYTES", 1 << 20)
    write(tmp_path / "metadata.json", " " * (1 << 20) + "{}")
    assert "more than the limit" in refused(tmp_path)


@pytest.mark.parametrize("home", ["dfdc_train_part_00/dfdc_train_part_0", "train/all/part_0"])
def test_a_part_in_a_folder_of_its_own_is_found(tmp_path: Path, home: str) -> None:
    write(tmp_path / home / "metadata.json", METADATA)
    write(tmp_path / "dfdc_train_part_1/metadata.json", {"c.mp4": {"label": "REAL"}})
    touch(tmp_path, f"{home}/a.mp4", f"{home}/b.mp4", "dfdc_train_part_1/c.mp4")
    table = layouts.read("dfdc", tmp_path)
    expected = {f"{home}/a.mp4": "", f"{home}/b.mp4": "", "dfdc_train_part_1/c.mp4": ""}
    assert column(table, "status") == expected
    assert set(table["video_id"]) == set(expected)


def test_videos_in_a_folder_beside_their_list_are_found(tmp_path: Path) -> None:
    write(tmp_path / "part_0/metadata.json", METADATA | {"gone.mp4": {"label": "REAL"}})
    touch(tmp_path, "part_0/videos/a.mp4", "part_0/b.mp4", "part_0/__MACOSX/gone.mp4")
    table = layouts.read("dfdc", tmp_path)
    assert column(table, "status") == {
        "part_0/videos/a.mp4": "",
        "part_0/b.mp4": "",
        "part_0/gone.mp4": "missing",
    }
    assert table["video_id"].tolist() == ["part_0/a.mp4", "part_0/b.mp4", "part_0/gone.mp4"]
    touch(tmp_path, "part_0/more/a.mp4")
    assert "which is in more/a.mp4 and videos/a.mp4" in refused(tmp_path)


def test_lists_of_which_it_is_not_clear_which_one_holds_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a/metadata.json", METADATA)
    write(tmp_path / "a/b/metadata.json", METADATA)
    assert "lies in the folder of another metadata.json" in refused(tmp_path)
    write(tmp_path / "c/labels.csv", "filename,label\n")
    assert "has a/metadata.json and c/labels.csv" in refused(tmp_path)


PREVIEW = {
    "original_videos/1000/1000_A_001.mp4": {"label": "real", "set": "train"},
    "original_videos/1001/1001_B_000.mp4": {"label": "real", "set": "test"},
    "method_A/1002/1002_A/1000_1002_A_001.mp4": {
        **{"label": "fake", "set": "train"},
        **{"target_id": 1000, "swapped_id": 1002},
    },
    "original_videos/1002/1002_C_004.mp4": {"label": "real", "set": "train"},
    "original_videos/1003/1003_A_001.mp4": {"label": "real", "set": "train"},
}


def test_the_preview_is_read_with_its_sets_and_both_people_of_a_fake(tmp_path: Path) -> None:
    write(tmp_path / "DFDC preview/dataset.json", PREVIEW, "utf-8-sig")
    touch(tmp_path / "DFDC preview", *list(PREVIEW)[:-1])
    table = layouts.read("dfdc", tmp_path).set_index(
        layouts.read("dfdc", tmp_path)["path"].map(lambda path: Path(path).stem)
    )
    assert table["label"].to_dict() == {
        stem: int(stem == "1000_1002_A_001") for stem in table.index
    }
    fake = table.loc["1000_1002_A_001"]
    assert (fake["source"], fake["method"]) == ("1000_A_001", "method_A")
    together = {"1000_A_001", "1002_C_004"}
    assert set(table.index[table["group"] == fake["group"]]) == {"1000_1002_A_001", *together}
    assert table.index[table["status"] == "missing"].tolist() == ["1003_A_001"]
    videos = splits.complete(table, 0, 0.5, 0.1)
    assert videos.index[videos["split"] == "test"].tolist() == ["1001_B_000"]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"label": "maybe"}, "label 'maybe'"),
        ("real", "label None"),
        ({"label": "real", "set": "some"}, "set 'some'"),
        ({"label": "fake", "target_id": 3}, "no swapped_id"),
    ],
)
def test_a_preview_that_is_unusable_is_refused(tmp_path: Path, entry: Any, says: str) -> None:
    write(tmp_path / "dataset.json", {"original_videos/1/1_A_1.mp4": entry})
    said = refused(tmp_path)
    assert says in said
    assert "1_A_1.mp4" in said


@pytest.mark.parametrize("name", ["../x.mp4", "/x.mp4", "a/../../x.mp4", "a\n.mp4", "link/x.mp4"])
def test_a_path_out_of_the_preview_is_refused_and_never_opened(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    write(root / "dataset.json", {name: {"label": "real"}})
    touch(tmp_path, "x.mp4", "outside/x.mp4")
    (root / "link").symlink_to(tmp_path / "outside")
    assert layouts.read("dfdc", root)["status"].tolist() == ["unreadable"]


@pytest.mark.parametrize("folder", [".", "videos"])
def test_the_test_set_is_read_from_its_table(tmp_path: Path, folder: str) -> None:
    write(tmp_path / "test/labels.csv", "filename,label\nb.mp4,1\na.mp4,0\nc.mp4,1\n", "utf-8-sig")
    touch(tmp_path / "test" / folder, "a.mp4", "b.mp4")
    table = layouts.read("dfdc", tmp_path)
    assert table["video_id"].tolist() == ["test/a.mp4", "test/b.mp4", "test/c.mp4"]
    assert table["label"].tolist() == [0, 1, 1]
    assert table["source"].tolist() == ["a", "b", "c"]
    assert table["status"].tolist() == ["", "", "missing"]
    assert all((tmp_path / path).is_file() for path in table["path"][:2])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,label\na.mp4,0\n", "it has name, label"),
        ("filename;label\na.mp4;0\n", "it has filename;label"),
        ("filename,label\na.mp4,0\nb.mp4,maybe\n", "line 3 has label 'maybe'"),
        ("filename,label\na.mp4,0\nb.mp4\n", "line 3 has label ''"),
        ("filename,label\na.mp4,0\na.mp4,1\n", "line 3 lists 'a.mp4' a second time"),
        ("filename,label\n", "list no videos"),
    ],
)
def test_a_table_that_is_unusable_is_refused(tmp_path: Path, text: str, says: str) -> None:
    write(tmp_path / "labels.csv", text)
    assert says in refused(tmp_path)
