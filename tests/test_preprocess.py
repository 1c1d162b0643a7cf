"""preprocess_dfdc.py as it is called: every video has a row, and a second run changes nothing."""

import json
import shutil
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from common.errors import DataError
from common.preprocessing import FaceConfig
from datasets import manifest
from extraction import deletion, planning, settings
from extraction.planning import InputOptions, SplitOptions
from flags import types
from tests.helpers.preprocess_runs import BAD, PART, SEED, flags, read, run, small, tree
from tests.helpers.video_files import write_images, write_video


@pytest.mark.slow
def test_a_run_with_damaged_files_ends_well(
    first_run: Path,
) -> None:
    out, err = ((first_run.parent / name).read_text() for name in ("stdout.txt", "stderr.txt"))
    assert "Traceback" not in err
    assert "7 videos listed, 6 to extract, 0 done before" in out
    assert str(first_run / "videos_df.csv") in out
    for name in ("empty.mp4", "text.mp4"):
        assert f"unreadable: {PART}/{name}" in err


def test_every_listed_video_has_a_row_with_its_status(dfdc: Path, output: Path) -> None:
    listed = {
        f"{path.parent.name}/{name}"
        for path in dfdc.glob("*/metadata.json")
        for name in json.loads(path.read_text())
    }
    table = read(output)
    assert set(table["video_id"]) == listed
    statuses = table.groupby("video_id")["status"].first().to_dict()
    for name, status in BAD.items():
        assert statuses.pop(f"{PART}/{name}") == status
    assert set(statuses.values()) == {"ok"}
    assert len(statuses) == 4
    assert (table.loc[table["status"] != "ok", "detail"] != "").all(), "each says why"


def test_rows_of_faces_name_the_crops_that_are_there(output: Path) -> None:
    tracks = read(output).query("status == 'ok'")
    assert (tracks["frames"] == 6).all()
    assert (tracks[["width", "height"]] == [320, 240]).all(axis=None)
    assert (tracks["fps"] > 0).all()
    for row in tracks.itertuples():
        assert len(list((output / row.crops).glob("*.jpg"))) == row.frames


def test_rows_without_faces_name_no_crops(output: Path) -> None:
    rest = read(output).query("status != 'ok'")
    assert (rest["crops"] == "").all()
    assert (rest["track"] == -1).all()
    assert (rest["frames"] == 0).all()


def test_no_source_is_in_two_splits(output: Path) -> None:
    table = read(output)
    assert (table.groupby("source")["split"].nunique() == 1).all()
    assert set(table["split"]) == {"train", "val"}


def test_the_record_holds_how_the_crops_were_made(output: Path, dfdc: Path) -> None:
    record = json.loads((output / "videos_df.json").read_text())
    assert FaceConfig.from_dict(record["faces"]) == FaceConfig(frames_per_video=6, face_size=64)
    assert record["input"] == str(dfdc)
    assert record["balance"] == "none"
    assert record["layout"] == "dfdc"
    shares = {"val_share": 0.3, "test_share": 0.0}
    assert record["splits"] == {"seed": int(SEED), "split_by": "source", **shares}
    assert set(settings.PACKAGES) | {"python"} == set(record["versions"])
    assert record["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))


def test_thumbnails_are_a_picture(output: Path) -> None:
    assert (output / "thumbnails.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_half_written_is_left(output: Path) -> None:
    assert not [name for name in tree(output) if ".partial" in name]


def test_a_second_run_extracts_nothing_and_changes_no_byte(
    dfdc: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    before = tree(output)
    times = {path: path.stat().st_mtime_ns for path in (output / "crops").rglob("*")}
    assert run(monkeypatch, *flags(dfdc, output)) == 0
    assert "6 to extract, 6 done before" in capsys.readouterr().out
    assert tree(output) == before
    assert {path: path.stat().st_mtime_ns for path in (output / "crops").rglob("*")} == times


def test_lost_crops_are_made_again_byte_for_byte(
    dfdc: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    before = tree(output)
    lost = read(output).query("status == 'ok'")["video_id"].iloc[-1]
    shutil.rmtree(output / "crops" / lost)
    assert tree(output) != before
    assert run(monkeypatch, *flags(dfdc, output)) == 0
    assert "6 to extract, 5 done before" in capsys.readouterr().out
    assert tree(output) == before


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (("--margin", "0.5"), "margin 0.3 → 0.5"),
        (("--frames_per_video", "7"), "frames_per_video 6 → 7"),
        (("--decoder", "decord"), "decoder pyav → decord"),
    ],
)
def test_other_settings_into_the_same_folder_are_refused_in_one_line(
    dfdc: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    changed: tuple[str, str],
    says: str,
) -> None:
    before = tree(output)
    assert run(monkeypatch, *flags(dfdc, output), *changed) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert says in line
    assert str(output) in line
    assert tree(output) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--val_share", "1e-9"), "--val_share"),
        (("--val_share", "0.6", "--test_share", "0.6"), "--val_share and --test_share"),
        (("--input", "/nonexistent"), "is not a folder"),
        (("--layout", "folders", "--delete_videos_when_done"), "--layout dfdc"),
        (("--layout", "folders", "--input", ".", "--output", "data"), "--output lies in --input"),
        (("--fake_folders", "a", "b"), "--fake_folders needs --layout folders"),
        (("--shard", "1/2", "--clean"), "--shard only extracts"),
        (("--shard", "1/2", "--delete_videos_when_done"), "--shard only extracts"),
        (("--engine", "ray"), "--workers needs --engine local"),
    ],
)
def test_a_call_that_cannot_be_served_exits_with_2_and_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    words: tuple[str, ...],
    says: str,
) -> None:
    root = small(tmp_path / "in", {"a.mp4": {"label": "REAL"}})
    assert run(monkeypatch, *flags(root, tmp_path / "out"), *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not (tmp_path / "out").exists(), "refused before any work"


def test_undersampling_marks_what_it_leaves_out(dfdc: Path, tmp_path: Path) -> None:
    """Planned only: two fakes more than reals, so two are skipped, and each still has a row."""
    root = Path(shutil.copytree(dfdc, tmp_path / "in"))
    path = root / "dfdc_train_part_1" / "metadata.json"
    metadata = json.loads(path.read_text())
    video = next(name for name, entry in metadata.items() if entry["label"] == "FAKE")
    for copy in ("x.mp4", "y.mp4", "z.mp4", "w.mp4"):
        shutil.copy(path.parent / video, path.parent / copy)
        metadata[copy] = metadata[video]
    path.write_text(json.dumps(metadata))
    videos = planning.plan(
        InputOptions(root, "dfdc", fake_folders=[], allow_one_label=False),
        SplitOptions(seed=1, split_by="source", val_share=0, test_share=0, undersample=True),
        deletion.read(tmp_path),
    )
    assert len(videos) == 11
    used = videos[videos["status"] == ""]["label"].value_counts().to_dict()
    assert used == {manifest.REAL: 4, manifest.FAKE: 4}
    skipped = videos[videos["status"] == "skipped"]
    assert (skipped["label"] == manifest.FAKE).all()
    assert skipped["detail"].str.contains("--undersample").all()


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(
            {"\ud800.mp4": {"label": "REAL"}},
            id="surrogate name",
        ),
        pytest.param(
            {"a.mp4": {"label": "FAKE", "original": "\ud800.mp4"}},
            id="surrogate original",
        ),
        pytest.param(
            {"a\rb.mp4": {"label": "REAL"}},
            id="carriage return",
        ),
        pytest.param({"../a\n.mp4": {"label": "REAL"}}, id="line feed"),
        pytest.param({"=1+1.mp4": {"label": "REAL"}}, id="formula"),
    ],
)
def test_a_hostile_name_is_a_row_of_a_manifest_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: dict[str, Any]
) -> None:
    root = small(tmp_path / "in", metadata | {"good.mp4": {"label": "REAL"}})
    words = [*flags(root, tmp_path / "out"), "--val_share", "0"]
    assert run(monkeypatch, *words) == 0
    assert len(read(tmp_path / "out")) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_videos_of_one_name_in_two_parts_are_two_videos(
    heads: list[list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (0, 1):
        part = tmp_path / "in" / f"dfdc_train_part_{number}"
        part.mkdir(parents=True)
        write_video(part / "same.mp4", heads[number])
        (part / "metadata.json").write_text(json.dumps({"same.mp4": {"label": "REAL"}}))
    words = [*flags(tmp_path / "in", tmp_path / "out"), "--val_share", "0", "--allow_one_label"]
    assert run(monkeypatch, *words) == 0
    table = read(tmp_path / "out")
    assert table["video_id"].tolist() == [f"dfdc_train_part_{n}/same.mp4" for n in (0, 1)]
    assert table["group"].nunique() == 1, "one name is taken for one source"
    crops = [tree(tmp_path / "out" / folder) for folder in table["crops"]]
    assert crops[0].keys() == crops[1].keys()
    assert crops[0] != crops[1]


def plan_dfdc(root: Path, metadata: dict[str, Any], present: str, allow: bool) -> pd.DataFrame:
    """Plan a part of which the videos named in `present` are on disk."""
    part = small(root, metadata) / PART
    for name in present.split():
        (part / f"{name}.mp4").write_text(name)
    data = InputOptions(root, "dfdc", fake_folders=[], allow_one_label=allow)
    options = SplitOptions(seed=1, split_by="source", val_share=0, test_share=0, undersample=True)
    return planning.plan(data, options, deletion.read(root))


@pytest.mark.parametrize(
    ("present", "says"),
    [
        ("a b", "2 videos on disk are REAL and none is FAKE (1 listed)"),
        ("c", "1 videos on disk are FAKE and none is REAL (2 listed)"),
    ],
)
def test_a_set_of_one_label_is_refused_unless_it_is_meant(
    tmp_path: Path, present: str, says: str
) -> None:
    metadata = {f"{name}.mp4": {"label": "REAL"} for name in "ab"} | {"c.mp4": {"label": "FAKE"}}
    with pytest.raises(DataError) as caught:
        plan_dfdc(tmp_path / "a", metadata, present, allow=False)
    assert says in str(caught.value)
    assert str(tmp_path / "a") in str(caught.value)
    assert "--allow_one_label" in str(caught.value)
    videos = plan_dfdc(tmp_path / "b", metadata, present, allow=True)
    assert (videos["status"] == "").sum() == len(present.split())
    both = plan_dfdc(tmp_path / "c", metadata, "a c", allow=False)
    assert (both["status"] == "missing").sum() == 1


def test_missing_videos_are_rows_and_counted_in_the_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    root = small(tmp_path / "in", {"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "FAKE"}})
    (root / PART / "a.mp4").touch()
    words = [*flags(root, tmp_path / "out"), "--val_share", "0", "--allow_one_label"]
    assert run(monkeypatch, *words) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "missing: 1 of 2 listed videos are not on disk"
    assert read(tmp_path / "out")["status"].tolist() == ["unreadable", "missing"]


def test_folders_of_frames_are_videos_and_read_again_only_when_they_change(
    heads: list[list[np.ndarray]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    for label, images in zip(("fake", "real"), heads, strict=True):
        write_images(tmp_path / "in" / label / "clip", images[:4])
    words = [*flags(tmp_path / "in", tmp_path / "out"), "--layout", "folders", "--val_share", "0"]
    assert run(monkeypatch, *words) == 0
    table = read(tmp_path / "out")
    assert table["video_id"].tolist() == ["fake/clip", "real/clip"]
    assert table[["source", "frames", "codec"]].drop_duplicates().values.tolist() == [
        ["clip", 4, "png"]
    ]
    assert (table["bits_per_pixel"] > 0).all()
    write_images(tmp_path / "in/real/clip", heads[1][:5])
    capsys.readouterr()
    assert run(monkeypatch, *words) == 0
    assert "2 to extract, 1 done before" in capsys.readouterr().out
    assert read(tmp_path / "out")["frames"].tolist() == [4, 5]


@pytest.mark.parametrize("text", ["x", "0/2", "3/2", "1", "1/2/3", "-1/2", ""])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    assert types.share("2/5") == (2, 5)
    with pytest.raises(ArgumentTypeError, match="expected K/N"):
        types.share(text)
