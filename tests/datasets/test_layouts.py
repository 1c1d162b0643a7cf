"""DFDC's metadata is somebody else's file: every listed video gets a row, none is trusted."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from common.errors import DataError
from datasets.layouts.dfdc import read as read_dfdc
from datasets.manifest import FAKE, REAL

PART = "dfdc_train_part_0"


def write_part(root: Path, metadata: Any, name: str = PART, present: bool = True) -> Path:
    """A part folder; files of the listed plain names are there unless `present` is False."""
    part = root / name
    part.mkdir(parents=True)
    (part / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    if present:
        for video in metadata:
            (part / video).write_bytes(b"bytes")
    return part


def real() -> dict[str, Any]:
    return {"label": "REAL", "split": "train"}


def fake(original: Any) -> dict[str, Any]:
    return {"label": "FAKE", "split": "train", "original": original}


def by_name(table: pd.DataFrame, column: str) -> dict[str, Any]:
    return dict(zip(table["path"].map(lambda path: Path(path).name), table[column], strict=True))


def test_every_listed_video_is_a_row_and_no_other_file(tmp_path: Path) -> None:
    write_part(tmp_path, {"b.mp4": fake("a.mp4"), "a.mp4": real()})
    write_part(tmp_path, {"c.mp4": real()}, name="dfdc_train_part_1")
    (tmp_path / PART / "unlisted.mp4").touch()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes.txt").touch()
    table = read_dfdc(tmp_path)
    expected = [f"{PART}/a.mp4", f"{PART}/b.mp4", "dfdc_train_part_1/c.mp4"]
    assert table["video_id"].tolist() == expected
    assert table["path"].tolist() == expected
    assert table["label"].tolist() == [REAL, FAKE, REAL]
    assert table["status"].tolist() == ["", "", ""]


def test_a_root_that_is_one_part_itself_is_read(tmp_path: Path) -> None:
    part = write_part(tmp_path, {"a.mp4": real()})
    (row,) = read_dfdc(part).to_dict("records")
    assert (row["video_id"], row["path"], row["status"]) == (f"{PART}/a.mp4", "a.mp4", "")


@pytest.mark.parametrize("root", [".", "../" + PART, "inner/.."])
def test_the_part_is_named_however_its_folder_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    part = write_part(tmp_path, {"a.mp4": real()})
    (part / "inner").mkdir()
    monkeypatch.chdir(part)
    assert read_dfdc(Path(root))["video_id"].tolist() == [f"{PART}/a.mp4"]


def test_parts_that_are_links_keep_their_own_names(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for number in (0, 1):
        part = write_part(tmp_path / f"disk{number}", {"a.mp4": real()}, name="videos")
        (root / f"dfdc_train_part_{number}").symlink_to(part)
    expected = ["dfdc_train_part_0/a.mp4", "dfdc_train_part_1/a.mp4"]
    assert read_dfdc(root)["video_id"].tolist() == expected


def test_a_video_that_is_not_there_is_missing(tmp_path: Path) -> None:
    part = write_part(tmp_path, {"a.mp4": real(), "b.mp4": real(), "c.mp4": real()})
    (part / "a.mp4").unlink()
    (part / "b.mp4").unlink()
    (part / "b.mp4").mkdir()
    assert by_name(read_dfdc(tmp_path), "status") == {
        "a.mp4": "missing",
        "b.mp4": "missing",
        "c.mp4": "",
    }


def test_method_is_kept_where_it_is_text(tmp_path: Path) -> None:
    write_part(
        tmp_path,
        {"a.mp4": real() | {"method": "swap"}, "b.mp4": real(), "c.mp4": real() | {"method": 3}},
    )
    assert by_name(read_dfdc(tmp_path), "method") == {"a.mp4": "swap", "b.mp4": "", "c.mp4": ""}


@pytest.mark.parametrize("entry", [real(), real() | {"original": None}, fake(None), fake("")])
def test_without_an_original_a_video_is_its_own_source(tmp_path: Path, entry: dict) -> None:
    write_part(tmp_path, {"a.mp4": entry})
    assert by_name(read_dfdc(tmp_path), "source") == {"a.mp4": "a"}


@pytest.mark.parametrize("original", [3, ["x.mp4"], {"x": 1}, True])
def test_an_original_that_is_no_name_is_none(tmp_path: Path, original: Any) -> None:
    write_part(tmp_path, {"a.mp4": fake(original)})
    assert by_name(read_dfdc(tmp_path), "source") == {"a.mp4": "a"}


def test_fakes_of_fakes_have_the_source_at_the_end_of_the_chain(tmp_path: Path) -> None:
    chain = {"a.mp4": real(), "b.mp4": fake("a.mp4"), "c.mp4": fake("b.mp4")}
    write_part(tmp_path, chain | {"d.mp4": fake("c.mp4"), "e.mp4": fake("a.mp4")})
    assert set(read_dfdc(tmp_path)["source"]) == {"a"}


def test_a_chain_that_leaves_the_metadata_ends_at_the_last_name(tmp_path: Path) -> None:
    write_part(tmp_path, {"a.mp4": fake("gone.mp4"), "b.mp4": fake("a.mp4")})
    assert by_name(read_dfdc(tmp_path), "source") == {"a.mp4": "gone", "b.mp4": "gone"}


def test_fakes_whose_original_is_in_another_part_share_its_source(tmp_path: Path) -> None:
    write_part(tmp_path, {"a.mp4": real()})
    write_part(tmp_path, {"b.mp4": fake("a.mp4")}, name="dfdc_train_part_1")
    assert set(read_dfdc(tmp_path)["source"]) == {"a"}


def test_a_chain_through_several_parts_is_followed_to_its_end(tmp_path: Path) -> None:
    write_part(tmp_path, {"a.mp4": real(), "b.mp4": fake("a.mp4")})
    write_part(tmp_path, {"c.mp4": fake("b.mp4")}, name="dfdc_train_part_1")
    assert set(read_dfdc(tmp_path)["source"]) == {"a"}


def test_a_video_made_from_itself_is_its_own_source(tmp_path: Path) -> None:
    write_part(tmp_path, {"a.mp4": fake("a.mp4")})
    assert by_name(read_dfdc(tmp_path), "source") == {"a.mp4": "a"}


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_a_cycle_ends_and_its_videos_stay_together(tmp_path: Path, names: str) -> None:
    following = names[1:] + names[0]
    cycle = {
        f"{name}.mp4": fake(f"{other}.mp4") for name, other in zip(names, following, strict=True)
    }
    write_part(tmp_path, cycle | {"tail.mp4": fake("a.mp4")})
    assert read_dfdc(tmp_path)["source"].nunique() == 1


CLIMBING = ["../x.mp4", "sub/b.mp4", "..", "sub/../x.mp4", "a\nb.mp4", "a\x00b.mp4", "a\rb.mp4"]


@pytest.mark.parametrize("name", [*CLIMBING, "{absolute}"])
def test_a_name_that_is_no_plain_file_name_is_refused_and_never_opened(
    tmp_path: Path, name: str
) -> None:
    """What each name points at is there, so only the refusal keeps it from being read."""
    name = name.format(absolute=tmp_path / "x.mp4")
    part = write_part(tmp_path / "root", {name: real(), "good.mp4": real()}, present=False)
    for path in (tmp_path / "x.mp4", tmp_path / "root" / "x.mp4", part / "x.mp4"):
        path.write_bytes(b"secret")
    (part / "sub").mkdir()
    (part / "sub" / "b.mp4").write_bytes(b"secret")
    (part / "good.mp4").write_bytes(b"bytes")
    statuses = read_dfdc(tmp_path / "root").set_index("video_id")["status"]
    assert statuses[f"{PART}/{name}"] == "unreadable"
    assert statuses[f"{PART}/good.mp4"] == ""


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    part = write_part(tmp_path / "root", {"a.mp4": real(), "b.mp4": real()}, present=False)
    (tmp_path / "outside.mp4").write_bytes(b"secret")
    (part / "stored.bin").write_bytes(b"bytes")
    (part / "a.mp4").symlink_to(tmp_path / "outside.mp4")
    (part / "b.mp4").symlink_to(part / "stored.bin")
    table = read_dfdc(tmp_path / "root")
    assert by_name(table, "status") == {"a.mp4": "unreadable", "b.mp4": ""}
    assert "outside" in by_name(table, "detail")["a.mp4"]


def test_a_link_to_itself_is_a_row(tmp_path: Path) -> None:
    part = write_part(tmp_path, {"a.mp4": real()}, present=False)
    (part / "a.mp4").symlink_to(part / "a.mp4")
    assert by_name(read_dfdc(tmp_path), "status")["a.mp4"] in ("missing", "unreadable")


def test_a_name_longer_than_any_file_system_takes_is_a_row(tmp_path: Path) -> None:
    write_part(tmp_path, {"x" * 5000 + ".mp4": real()}, present=False)
    assert read_dfdc(tmp_path)["status"].tolist()[0] in ("missing", "unreadable")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ('{"a.mp4": {"label": "REAL"}', "JSON"),
        ("\x80", "JSON"),
        ("[]", "map file names"),
        ('["a.mp4"]', "map file names"),
        ("null", "map file names"),
        ('{"a.mp4": {"label": "MAYBE"}}', "'MAYBE'"),
        ('{"a.mp4": {"label": "fake"}}', "'fake'"),
        ('{"a.mp4": {"label": 1}}', "label 1"),
        ('{"a.mp4": {"label": ["FAKE"]}}', "label"),
        ('{"a.mp4": {}}', "label None"),
        ('{"a.mp4": "FAKE"}', "label None"),
        ('{"a.mp4": null}', "label None"),
    ],
)
def test_unusable_metadata_is_refused_by_the_name_of_its_file(
    tmp_path: Path, text: str, says: str
) -> None:
    write_part(tmp_path, {"good.mp4": real()}, name="dfdc_train_part_1")
    part = tmp_path / PART
    part.mkdir()
    (part / "metadata.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        read_dfdc(tmp_path)
    assert str(part / "metadata.json") in str(caught.value)
    assert says in str(caught.value)


def test_metadata_that_lists_nothing_is_refused(tmp_path: Path) -> None:
    write_part(tmp_path, {})
    with pytest.raises(DataError, match=r"metadata\.json .* list no videos") as caught:
        read_dfdc(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_without_metadata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no metadata\.json"):
        read_dfdc(tmp_path)
