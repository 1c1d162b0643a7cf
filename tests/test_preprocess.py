"""preprocess_dfdc.py as it is called: every video has a row, and a second run changes nothing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import errors
import preprocess_dfdc
from datasets import manifest
from preprocessing import FaceConfig

PART = "dfdc_train_part_0"
SEED = "1"  # with it one of the two talking heads is in training, the other in validation
BAD = {"gone.mp4": "missing", "empty.mp4": "unreadable", "text.mp4": "unreadable"}


def flags(dataset: Path, output: Path) -> list[str]:
    return [
        *("--input", str(dataset), "--output", str(output)),
        *("--val_share", "0.3", "--test_share", "0", "--balance", "none", "--seed", SEED),
        *("--frames_per_video", "6", "--face_size", "64", "--workers", "1"),
    ]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read(output: Path) -> pd.DataFrame:
    return manifest.read(output / "videos_df.csv").table


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, talking_heads: Path) -> Path:
    """A real and a fake of each of two people, and three listed videos that are not videos."""
    root = tmp_path_factory.mktemp("dfdc")
    for number in (0, 1):
        name = f"dfdc_train_part_{number}"
        (root / name).mkdir()
        metadata = json.loads((talking_heads / name / "metadata.json").read_text())
        fakes = [video for video, entry in metadata.items() if entry["label"] == "FAKE"]
        chosen = {fakes[0]: metadata[fakes[0]]}
        chosen[metadata[fakes[0]]["original"]] = {"label": "REAL", "split": "train"}
        for video in chosen:
            shutil.copy(talking_heads / name / video, root / name / video)
        if name == PART:
            chosen |= {video: {"label": "REAL", "split": "train"} for video in BAD}
        (root / name / "metadata.json").write_text(json.dumps(chosen))
    (root / PART / "empty.mp4").touch()
    (root / PART / "text.mp4").write_text("not a video\n" * 50)
    return root


@pytest.fixture(scope="module")
def first_run(
    tmp_path_factory: pytest.TempPathFactory, dataset: Path, repository: Path
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    output = tmp_path_factory.mktemp("out") / "data"
    done = subprocess.run(
        [sys.executable, "preprocess_dfdc.py", *flags(dataset, output)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    return output, done


@pytest.fixture
def output(first_run: tuple[Path, Any], tmp_path: Path) -> Path:
    """A copy of what the first run wrote."""
    assert first_run[1].returncode == 0, first_run[1].stderr
    return Path(shutil.copytree(first_run[0], tmp_path / "data"))


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The same entry point in this process, which spares a start; its exit code."""
    monkeypatch.setattr(sys, "argv", ["preprocess_dfdc.py", *words])
    with pytest.raises(SystemExit) as caught:
        errors.run(preprocess_dfdc.main)
    return int(caught.value.code or 0)


def test_a_run_with_damaged_files_ends_well(
    first_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    output, done = first_run
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "7 videos listed, 6 to extract, 0 done before" in done.stdout
    assert str(output / "videos_df.csv") in done.stdout
    for name in ("empty.mp4", "text.mp4"):
        assert f"unreadable: {PART}/{name}" in done.stderr


def test_every_listed_video_has_a_row_with_its_status(dataset: Path, output: Path) -> None:
    listed = {
        f"{path.parent.name}/{name}"
        for path in dataset.glob("*/metadata.json")
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


def test_the_record_holds_how_the_crops_were_made(output: Path, dataset: Path) -> None:
    record = json.loads((output / "videos_df.json").read_text())
    assert FaceConfig.from_dict(record["faces"]) == FaceConfig(frames_per_video=6, face_size=64)
    assert record["input"] == str(dataset)
    assert record["balance"] == "none"
    assert record["layout"] == "dfdc"
    shares = {"val_share": 0.3, "test_share": 0.0}
    assert record["splits"] == {"seed": int(SEED), "split_by": "source", **shares}
    assert set(preprocess_dfdc.VERSIONED) | {"python"} == set(record["versions"])
    assert record["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))


def test_thumbnails_are_a_picture(output: Path) -> None:
    assert (output / "thumbnails.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_half_written_is_left(output: Path) -> None:
    assert not [name for name in tree(output) if ".partial" in name]


def test_a_second_run_extracts_nothing_and_changes_no_byte(
    dataset: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    before = tree(output)
    times = {path: path.stat().st_mtime_ns for path in (output / "crops").rglob("*")}
    assert run(monkeypatch, *flags(dataset, output)) == 0
    assert "6 to extract, 6 done before" in capsys.readouterr().out
    assert tree(output) == before
    assert {path: path.stat().st_mtime_ns for path in (output / "crops").rglob("*")} == times


def test_lost_crops_are_made_again_byte_for_byte(
    dataset: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    before = tree(output)
    lost = read(output).query("status == 'ok'")["video_id"].iloc[-1]
    shutil.rmtree(output / "crops" / lost)
    assert tree(output) != before
    assert run(monkeypatch, *flags(dataset, output)) == 0
    assert "6 to extract, 5 done before" in capsys.readouterr().out
    assert tree(output) == before


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (("--margin", "0.5"), "margin 0.3 → 0.5"),
        (("--frames_per_video", "7"), "frames_per_video 6 → 7"),
        (("--decoder", "decord"), "decoder opencv → decord"),
    ],
)
def test_other_settings_into_the_same_folder_are_refused_in_one_line(
    dataset: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    changed: tuple[str, str],
    says: str,
) -> None:
    before = tree(output)
    assert run(monkeypatch, *flags(dataset, output), *changed) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert says in line
    assert str(output) in line
    assert tree(output) == before


def small(root: Path, metadata: dict[str, Any]) -> Path:
    """Metadata alone: its videos are all missing, so that nothing is extracted."""
    (root / PART).mkdir(parents=True)
    (root / PART / "metadata.json").write_text(json.dumps(metadata))
    return root


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--val_share", "1e-9"), "--val_share"),
        (("--val_share", "0.6", "--test_share", "0.6"), "--val_share and --test_share"),
        (("--input", "/nonexistent"), "is not a folder"),
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


def test_undersampling_marks_what_it_leaves_out(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned only: two fakes more than reals, so two are skipped, and each still has a row."""
    root = Path(shutil.copytree(dataset, tmp_path / "in"))
    path = root / "dfdc_train_part_1" / "metadata.json"
    metadata = json.loads(path.read_text())
    video = next(name for name, entry in metadata.items() if entry["label"] == "FAKE")
    for copy in ("x.mp4", "y.mp4", "z.mp4", "w.mp4"):
        shutil.copy(path.parent / video, path.parent / copy)
        metadata[copy] = metadata[video]
    path.write_text(json.dumps(metadata))
    words = [*flags(root, tmp_path / "out"), "--balance", "undersample", "--val_share", "0"]
    videos = preprocess_dfdc.plan(preprocess_dfdc.args.preprocess_parser().parse_args(words))
    assert len(videos) == 11
    used = videos[videos["status"] == ""]["label"].value_counts().to_dict()
    assert used == {manifest.REAL: 4, manifest.FAKE: 4}
    skipped = videos[videos["status"] == "skipped"]
    assert (skipped["label"] == manifest.FAKE).all()
    assert skipped["detail"].str.contains("--balance undersample").all()


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
