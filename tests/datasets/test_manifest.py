"""A manifest is read as it was written, or refused by name; it may come from anywhere."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DataError
from common.preprocessing import FaceConfig
from datasets import manifest
from datasets.manifest import FAKE, REAL

FACES = FaceConfig(frames_per_video=6, face_size=64)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "video_id": "part_0/a.mp4",
        "path": "part_0/a.mp4",
        "label": FAKE,
        "source": "b",
        "group": "b",
        "split": "train",
        "method": "",
        "status": "ok",
        "detail": "",
        "track": 0,
        "crops": "crops/part_0/a.mp4/track_0",
        "frames": 6,
        "width": 320,
        "height": 240,
        "fps": 29.97002997002997,
        "codec": "h264",
        "bits_per_pixel": 0.125,
        "face_px": 81.5,
        "kind": "deepfake",
        "class": "",
    } | changes


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "videos_df.csv"
    manifest.write(path, pd.DataFrame(rows))
    manifest.write_record(path, {"faces": FACES.to_dict()})
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    rows = [
        row(),
        row(video_id='part_0/"q", é.mp4', label=REAL, split="val", track=1, detail="a, b\n“c”"),
        row(video_id="part_0/c.mp4", split="test", status="no_face", track=-1, crops="", fps=0.0),
        row(video_id="part_0/NA.mp4", source="NA", method="null", status="missing", crops=""),
    ]
    path = write(tmp_path, rows)
    found = manifest.read(path)
    assert found.table.to_dict("records") == rows
    assert list(found.table) == [*manifest.COLUMNS, *manifest.OPTIONAL]
    assert found.folder == tmp_path
    assert found.faces == FACES


def test_writing_what_was_read_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, [row(), row(track=1, fps=23.976)])
    before = path.read_bytes()
    manifest.write(path, manifest.read(path).table)
    assert path.read_bytes() == before


# A carriage return and a NUL have tests of their own below.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20)


@given(detail=texts, source=texts, fps=st.floats(0, 1e6), frames=st.integers(1, 10_000))
def test_any_text_and_number_survives(
    tmp_path_factory: pytest.TempPathFactory, detail: str, source: str, fps: float, frames: int
) -> None:
    first = row(detail=detail, source=source, fps=fps, frames=frames)
    rows = [first, row(source=source, track=1)]
    path = write(tmp_path_factory.mktemp("text"), rows)
    assert manifest.read(path).table.to_dict("records") == rows


@pytest.mark.parametrize(
    "text",
    [
        "a\rb",
        "\r",
        "a\r\nb",
        "a\nb",
        "a\0b",
    ],
)
def test_a_line_end_or_nul_in_a_refused_name_spoils_no_row(tmp_path: Path, text: str) -> None:
    """Names in metadata.json are anybody's; those that are refused are rows all the same."""
    rows = [row(video_id=text, status="unreadable", crops=""), row()]
    assert manifest.read(write(tmp_path, rows)).table.to_dict("records") == rows


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": "FAKE"}, "1 rows whose label is not a whole number, first 'FAKE' in line 3"),
        ({"label": ""}, "1 rows whose label is not a whole number, first '' in line 3"),
        ({"fps": "fast"}, "1 rows whose fps is not a number, first 'fast' in line 3"),
        ({"label": 2}, "1 rows with an unknown label, first 2 in line 3"),
        ({"label": REAL}, "line 3 gives part_0/a.mp4 a different label than earlier lines"),
        ({"split": "test"}, "line 3 gives part_0/a.mp4 a different split than earlier lines"),
        ({"group": "c"}, "line 3 gives part_0/a.mp4 a different group than earlier lines"),
        ({"status": "no_face"}, "line 3 gives part_0/a.mp4 a different status than earlier lines"),
        ({"frames": 0}, "line 3 has the status ok and no frames"),
        ({"frames": 10_001}, "line 3 has 10001 frames; 10,000 are the limit"),
    ],
)
def test_what_a_row_may_not_say_is_named_with_its_line(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = write(tmp_path, [row(), row(track=1, **changes)])
    with pytest.raises(DataError, match=re.escape(said)):
        manifest.read(path)


def test_a_label_is_one_for_fake() -> None:
    assert manifest.CLASSES[1] == "FAKE"
    assert (REAL, FAKE) == (0, 1)


def test_more_columns_are_welcome(tmp_path: Path) -> None:
    path = write(tmp_path, [row()])
    pd.read_csv(path).assign(camera="x").to_csv(path, index=False)
    assert manifest.read(path).table["camera"].tolist() == ["x"]


def test_without_groups_every_source_is_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, [row(source="a"), row(source="b", video_id="part_0/b.mp4")])
    pd.read_csv(path).drop(columns="group").to_csv(path, index=False)
    assert manifest.read(path).table["group"].tolist() == ["a", "b"]


def test_a_manifest_that_does_not_tell_codec_and_sizes_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, [row()])
    pd.read_csv(path).drop(columns=list(manifest.OPTIONAL)).to_csv(path, index=False)
    table = manifest.read(path).table
    assert table[list(manifest.OPTIONAL)].to_dict("records") == [manifest.OPTIONAL]
    manifest.write(path, pd.DataFrame([row()]).drop(columns=list(manifest.OPTIONAL)))
    assert manifest.read(path).table[list(manifest.COLUMNS)].to_dict("records") == [
        {name: value for name, value in row().items() if name in manifest.COLUMNS}
    ]


def test_an_empty_cell_of_what_is_optional_means_not_known(tmp_path: Path) -> None:
    path = write(tmp_path, [row()])
    pd.read_csv(path).assign(face_px="", codec="", kind="").to_csv(path, index=False)
    (found,) = manifest.read(path).table[list(manifest.OPTIONAL)].to_dict("records")
    known = {"bits_per_pixel": 0.125}
    assert found == manifest.OPTIONAL | known


@pytest.mark.parametrize("column", [name for name in manifest.COLUMNS if name != "group"])
def test_a_manifest_without_a_column_is_refused(tmp_path: Path, column: str) -> None:
    path = write(tmp_path, [row()])
    pd.read_csv(path).drop(columns=column).to_csv(path, index=False)
    with pytest.raises(DataError, match=f"lacks the columns {column}$") as caught:
        manifest.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"label": 2}, "unknown label, first 2 in line 3"),
        ({"label": -1}, "unknown label"),
        ({"label": "FAKE"}, "FAKE"),
        ({"label": ""}, ""),
        ({"label": 0.5}, ""),
        ({"split": "holdout"}, "unknown split, first holdout in line 3"),
        ({"split": ""}, "unknown split"),
        ({"status": "fine"}, "unknown status, first fine in line 3"),
        ({"status": ""}, "unknown status"),
        ({"track": "first"}, "first"),
        ({"fps": "fast"}, "fast"),
        ({"crops": "../elsewhere"}, "line 3: crops outside the manifest's folder"),
        ({"crops": "crops/../../elsewhere"}, "line 3: crops outside the manifest's folder"),
        ({"crops": "/etc"}, "line 3: crops outside the manifest's folder"),
        ({"crops": "../out.tar#0+512"}, "line 3: crops outside the manifest's folder"),
        ({"crops": "s3://elsewhere/out.tar#0+512"}, "line 3: crops outside the manifest's folder"),
    ],
)
def test_a_manifest_with_an_impossible_value_is_refused(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    path = write(tmp_path, [row(), row(video_id="part_0/b.mp4", **changes)])
    with pytest.raises(DataError) as caught:
        manifest.read(path)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("s3://ours/dfdc/1f/train-000000.tar#0+512", True),
        ("s3://ours/dfdc_other/train-000000.tar#0+512", False),
        ("s3://ours/dfdc/../private.tar#0+512", False),
        ("s3://ours/dfdc/v1..2/train-000000.tar#0+512", True),
        ("file:///etc/passwd", False),
    ],
)
def test_crops_at_a_url_must_lie_where_the_record_says(
    tmp_path: Path, url: str, allowed: bool
) -> None:
    path = write(tmp_path, [row(crops=url)])
    record = manifest.read_record(path)
    manifest.write_record(path, record | {"shards": "s3://ours/dfdc"})
    if allowed:
        assert manifest.read(path).table["crops"].tolist() == [url]
    else:
        with pytest.raises(DataError, match="crops outside the manifest's folder"):
            manifest.read(path)


def test_crops_that_leave_through_a_link_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(DataError, match="crops outside the manifest's folder"):
        manifest.read(write(folder, [row(crops="out/elsewhere")]))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b'a,b\n"1,2\n', b"a\n1,2,3\n"])
def test_a_file_that_is_no_manifest_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "videos_df.csv"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        manifest.read(path)
    assert str(path) in str(caught.value)


def test_a_manifest_with_more_values_than_names_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [row()])
    names, *lines = path.read_text().splitlines()
    path.write_text("\n".join([names, *(f"{line},more" for line in lines)]) + "\n")
    with pytest.raises(DataError, match="more values than its first line has names"):
        manifest.read(path)


def test_a_manifest_without_its_record_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [row()])
    manifest.record_path(path).unlink()
    with pytest.raises(DataError, match="is missing") as caught:
        manifest.read(path)
    assert str(manifest.record_path(path)) in str(caught.value)


def test_a_record_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [row()])
    manifest.record_path(path).write_text("{")
    with pytest.raises(DataError, match="cannot be read as JSON") as caught:
        manifest.read(path)
    assert str(manifest.record_path(path)) in str(caught.value)


@pytest.mark.parametrize(
    "record",
    [{}, [], {"faces": None}, {"faces": []}, {"faces": {"margin": 0.3}}],
    ids=["no faces", "a list", "null", "faces a list", "too few"],
)
def test_a_record_of_another_shape_is_refused_by_name(tmp_path: Path, record: Any) -> None:
    path = write(tmp_path, [row()])
    manifest.record_path(path).write_text(json.dumps(record))
    with pytest.raises(DataError) as caught:
        manifest.read(path)
    assert str(manifest.record_path(path)) in str(caught.value)


def test_a_write_that_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path, [row()])
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="killed"):
            manifest.write(path, pd.DataFrame([row(), row(track=1)]))
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["videos_df", "videos_df.csv", "data/videos_df.csv"])
def test_a_short_name_finds_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(place)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert manifest.find("videos_df") == path


def test_the_manifest_here_comes_before_the_one_in_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/videos_df.csv").touch()
    Path("videos_df.csv").touch()
    assert manifest.find("videos_df") == Path("videos_df.csv")


def test_a_full_path_finds_the_manifest(tmp_path: Path) -> None:
    path = write(tmp_path, [row()])
    assert manifest.find(str(path)) == path
    assert manifest.find(str(path.with_suffix(""))) == path


def test_a_manifest_that_is_nowhere_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"no manifest 'videos_df'.*data/videos_df\.csv"):
        manifest.find("videos_df")


def test_splits_and_tracks_are_chosen_by_name_and_status(tmp_path: Path) -> None:
    rows = [
        row(),
        row(track=1),
        row(video_id="n", status="no_face"),
        row(video_id="v", split="val"),
    ]
    found = manifest.read(write(tmp_path, rows))
    assert len(found.split("train")) == 3
    assert found.tracks("train")["track"].tolist() == [0, 1]
    assert len(found.tracks("test")) == 0


def test_a_name_that_a_spreadsheet_would_execute_is_quoted_in_the_file_alone(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, [row(video_id="=1+1.mp4", source="-x", group="-x")])
    assert '"\'=1+1.mp4"' in path.read_text()
    table = manifest.read(path).table
    assert table[["video_id", "source"]].to_numpy().tolist() == [["=1+1.mp4", "-x"]]
