"""A video's crops are on disk whole or not at all."""

import json
import os
import shutil
from pathlib import Path

import pytest

from common import crop_files, files
from common.files import PARTIAL
from extraction import store
from faces.extract import Extraction, FaceTrack
from tests.helpers.crop_sets import face_track

SIZE = 1234  # of the video, bytes


def track(frames: list[int], mark: bytes) -> FaceTrack:
    return face_track(frames, [mark + bytes([index]) for index in frames])


@pytest.fixture
def extraction() -> Extraction:
    tracks = [track([0, 7, 11], b"one"), track([7], b"two")]
    return Extraction("ok", "", 320, 240, 25.0, 12, 6, tracks)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "crops" / "part_0" / "a.mp4"


def test_what_was_saved_is_loaded(folder: Path, extraction: Extraction) -> None:
    store.save(folder, extraction, SIZE)
    assert store.is_done(folder, SIZE)
    found = store.load(folder)
    for name in ("status", "detail", "width", "height", "fps", "total_frames", "sampled_frames"):
        assert found[name] == getattr(extraction, name)
    assert len(found["tracks"]) == 2
    for saved, loaded in zip(extraction.tracks, found["tracks"], strict=True):
        for name in ("frames", "seconds", "boxes", "landmarks", "confidences"):
            assert loaded[name] == getattr(saved, name)
        names = sorted(file.name for file in (folder / loaded["crops"]).iterdir())
        assert names == [store.crop_name(index) for index in saved.frames], "in time's order"
        read = [(folder / loaded["crops"] / name).read_bytes() for name in names]
        assert read == saved.jpegs


def test_a_video_without_faces_is_saved_too(folder: Path) -> None:
    store.save(folder, Extraction("unreadable", "the file is empty"), SIZE)
    assert store.is_done(folder, SIZE)
    assert store.load(folder)["detail"] == "the file is empty"
    assert [file.name for file in folder.iterdir()] == ["video.json"]


def test_saving_leaves_the_extraction_as_it_was(folder: Path, extraction: Extraction) -> None:
    store.save(folder, extraction, SIZE)
    assert extraction.tracks[0].jpegs == [b"one\x00", b"one\x07", b"one\x0b"]


@pytest.mark.parametrize(("module", "name"), [(os, "replace"), (json, "dumps")])
def test_a_save_that_breaks_off_leaves_nothing_and_can_be_repeated(
    folder: Path, extraction: Extraction, module: object, name: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, fail)
        with pytest.raises(OSError, match="disk full"):
            store.save(folder, extraction, SIZE)
    assert not folder.exists()
    assert not store.is_done(folder, SIZE)
    store.save(folder, extraction, SIZE)
    assert len(store.load(folder)["tracks"]) == 2
    assert [path.name for path in folder.parent.iterdir()] == ["a.mp4"], "nothing is left over"


def test_a_save_that_breaks_off_between_crops_leaves_none_of_them_in_the_next(
    folder: Path, extraction: Extraction
) -> None:
    written: list[Path] = []
    write_bytes = Path.write_bytes

    def fail_at_third(path: Path, data: bytes) -> int:
        if len(written) == 2:
            raise OSError("disk full")
        written.append(path)
        return write_bytes(path, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", fail_at_third)
        with pytest.raises(OSError, match="disk full"):
            store.save(folder, extraction, SIZE)
    assert len(written) == 2
    assert not folder.exists()
    store.save(folder, Extraction("ok", "", 320, 240, 25.0, 12, 6, [track([3], b"new")]), SIZE)
    assert [file.name for file in sorted(folder.rglob("*.jpg"))] == [store.crop_name(3)]


def test_a_folder_that_lost_its_record_is_replaced(folder: Path, extraction: Extraction) -> None:
    store.save(folder, extraction, SIZE)
    (folder / "video.json").unlink()
    assert not store.is_done(folder, SIZE)
    store.save(folder, extraction, SIZE)
    assert store.is_done(folder, SIZE)


def test_a_file_of_another_size_is_not_done(folder: Path, extraction: Extraction) -> None:
    store.save(folder, extraction, SIZE)
    assert not store.is_done(folder, SIZE + 1), "a download that was finished since"


def test_a_video_that_lost_a_crop_is_not_done(folder: Path, extraction: Extraction) -> None:
    store.save(folder, extraction, SIZE)
    (folder / "track_0" / store.crop_name(7)).unlink()
    assert not store.is_done(folder, SIZE)


def test_a_file_a_track_holds_the_same_crops(folder: Path, extraction: Extraction) -> None:
    store.save(folder, extraction, SIZE, tar=True)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("track_0.tar", "track_1.tar", "video.json")
    ]
    assert store.is_done(folder, SIZE)
    for saved, loaded in zip(extraction.tracks, store.load(folder)["tracks"], strict=True):
        assert crop_files.read(folder, loaded["crops"], len(saved.frames)) == saved.jpegs


@pytest.mark.parametrize("left", [0, 700, 2000])
def test_a_cut_file_of_a_track_is_not_done(folder: Path, extraction: Extraction, left: int) -> None:
    store.save(folder, extraction, SIZE, tar=True)
    track = folder / "track_0.tar"
    track.write_bytes(track.read_bytes()[:left])
    assert not store.is_done(folder, SIZE)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"bytes": 1234, "tracks": 3}', "[" * 100_000, '{"a": 1, "a": 2}']
)
def test_a_damaged_record_is_not_done(folder: Path, extraction: Extraction, text: str) -> None:
    store.save(folder, extraction, SIZE)
    (folder / "video.json").write_text(text)
    assert not store.is_done(folder, SIZE)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "fine"),
        ("status", "no_face"),
        ("detail", None),
        ("width", "320"),
        ("height", 10**40),
        ("total_frames", -1),
        ("fps", [25]),
        ("codec", 3),
    ],
)
def test_a_record_with_a_value_of_another_kind_is_not_done(
    folder: Path, extraction: Extraction, field: str, value: object
) -> None:
    store.save(folder, extraction, SIZE)
    path = folder / "video.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    assert not store.is_done(folder, SIZE)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("crops", "../b.mp4/track_0"),
        ("crops", "/etc"),
        ("crops", "track_1"),
        ("frames", 3),
        ("boxes", [[1.0, 2.0, 3.0]] * 3),
        ("boxes", [["1", 2.0, 3.0, 4.0]] * 3),
        ("boxes", []),
        ("sha256", None),
        ("margins", None),
        ("margins", [0.1, 0.2]),
        ("margins", [0.1, "0.2", None]),
        ("margins", [0.1, -0.5, None]),
        ("margins", [0.1, float("nan"), None]),
    ],
)
def test_a_track_with_a_value_of_another_kind_is_not_done(
    folder: Path, extraction: Extraction, field: str, value: object
) -> None:
    store.save(folder, extraction, SIZE)
    shutil.copytree(folder, folder.with_name("b.mp4"))
    path = folder / "video.json"
    record = json.loads(path.read_text())
    record["tracks"][0][field] = value
    path.write_text(json.dumps(record))
    assert not store.is_done(folder, SIZE)


def test_the_longest_file_name_is_saved(tmp_path: Path, extraction: Extraction) -> None:
    folder = tmp_path / ("é" * 120 + "v" * 11 + ".mp4")
    assert len(folder.name.encode()) == 255
    store.save(folder, extraction, SIZE)
    assert store.is_done(folder, SIZE)


def test_what_a_kill_left_behind_is_swept_away(folder: Path, extraction: Extraction) -> None:
    store.save(folder, extraction, SIZE)
    (folder.parent / f"{PARTIAL}folder").mkdir()
    (folder.parent / f"{PARTIAL}file").touch()
    files.sweep(folder.parent)
    assert [path.name for path in folder.parent.iterdir()] == ["a.mp4"]


def test_of_two_processes_that_write_one_video_the_slower_gives_way(
    folder: Path, extraction: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def overtaken(source: Path, target: Path) -> None:
        shutil.copytree(source, target)
        replace(source, target)  # fails: the target is not empty

    monkeypatch.setattr(os, "replace", overtaken)
    store.save(folder, extraction, SIZE)
    assert store.is_done(folder, SIZE)
    assert [path.name for path in folder.parent.iterdir()] == ["a.mp4"]
