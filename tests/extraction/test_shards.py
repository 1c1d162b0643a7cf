"""Shards hold every track once, where the manifest says, and other tools can read them."""

import json
import shutil
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest
import webdataset

from common import crop_files
from common.errors import DataError
from extraction import shards, store
from faces.extract import Extraction, FaceTrack
from tests.helpers.crop_sets import face_track

VIDEOS = {"part_0/a.mp4": "train", "part_0/é b.mp4": "train", "part_1/c.x.mp4": "val"}


def marked_track(frames: list[int], mark: str) -> FaceTrack:
    return face_track(frames, [f"{mark} {index}".encode() for index in frames])


def rows(folder: Path, tar: bool, pixels: str = "") -> pd.DataFrame:
    """Three videos with two tracks each, stored below `folder`, and one without."""
    found: list[dict[str, Any]] = []
    for name, split in VIDEOS.items():
        tracks = [marked_track([0, 5, 9], f"{name} 0{pixels}"), marked_track([5], f"{name} 1")]
        store.save(folder / "crops" / name, Extraction("ok", tracks=tracks), 1, tar)
        for number, track in enumerate(tracks):
            crops = f"crops/{name}/track_{number}" + (".tar" if tar else "")
            row = {"video_id": name, "split": split, "track": number, "crops": crops}
            found.append(row | {"status": "ok", "frames": len(track.frames), "label": 1})
    found.append(found[-1] | {"video_id": "none", "track": -1, "status": "no_face", "crops": ""})
    return pd.DataFrame(found).assign(source="s", group="g", method="", width=8, height=6)


@pytest.fixture(params=[True, False], ids=["tar", "files"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> pd.DataFrame:
    return rows(tmp_path, request.param)


def jpegs(table: pd.DataFrame, folder: Path) -> list[list[bytes]]:
    tracks = table[table["status"] == "ok"]
    return [crop_files.read(folder, row.crops, row.frames) for row in tracks.itertuples()]


def test_every_track_is_found_again_without_its_files(tmp_path: Path, table: pd.DataFrame) -> None:
    before = jpegs(table, tmp_path)
    packed = shards.pack(table, tmp_path, None)
    shutil.rmtree(tmp_path / "crops")
    assert jpegs(packed, tmp_path) == before
    assert packed.drop(columns="crops").equals(table.drop(columns="crops"))
    assert packed["crops"].iloc[-1] == ""


def test_a_shard_holds_one_split_and_ends_when_it_is_full(
    tmp_path: Path, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 8000)
    packed = shards.pack(table, tmp_path, None)
    names = packed["crops"].str.extract(r"/(\w+)-(\d+)\.tar")
    known = packed["status"] == "ok"
    assert (names[0] == packed["split"])[known].all()
    assert names[1][known & (packed["split"] == "train")].nunique() > 1
    assert jpegs(packed, tmp_path) == jpegs(table, tmp_path)


def test_webdataset_reads_a_track_a_sample_with_its_label(
    tmp_path: Path, table: pd.DataFrame
) -> None:
    packed = shards.pack(table, tmp_path, None)
    files = [str(path) for path in sorted(tmp_path.glob("shards/*/*.tar"))]
    samples = list(webdataset.WebDataset(files, shardshuffle=False).decode())
    assert {sample["__key__"] for sample in samples} == {
        f"{row.video_id}/track_{row.track}" for row in packed.itertuples() if row.status == "ok"
    }
    assert len(samples) == 2 * len(VIDEOS), "each once"
    for sample in samples:
        about = sample["json"]
        assert about["label"] == 1
        assert about["split"] == VIDEOS[about["video_id"]]
        crops = [sample[store.crop_name(index)] for index in about["frames"]]
        expected = [f"{about['video_id']} {about['track']} {i}".encode() for i in about["frames"]]
        assert crops == expected


def test_the_same_tracks_give_the_same_bytes(tmp_path: Path) -> None:
    trees = []
    for name, tar in (("one", True), ("two", False)):
        table = rows(tmp_path / name, tar).sample(frac=1, random_state=3 + tar)
        shards.pack(table, tmp_path / name, None)
        found = sorted((tmp_path / name / "shards").rglob("*.*"))
        trees.append({p.relative_to(tmp_path / name): p.read_bytes() for p in found})
    assert trees[0] == trees[1]
    assert len(trees[0]) == 3


def test_other_pixels_with_the_same_boxes_are_another_set(tmp_path: Path) -> None:
    """Two manifests that share a place, or crops made again with another margin."""
    url = f"file://{tmp_path}/shared"
    tables = {name: rows(tmp_path / name, tar=True, pixels=name) for name in ("", "sharper")}
    packed = {name: shards.pack(table, tmp_path / name, url) for name, table in tables.items()}
    for name, table in tables.items():
        assert jpegs(packed[name], tmp_path) == jpegs(table, tmp_path / name)


@pytest.mark.parametrize("damage", ["index", "shard", "lost"])
def test_a_damaged_set_is_written_again(tmp_path: Path, table: pd.DataFrame, damage: str) -> None:
    packed = shards.pack(table, tmp_path, None)
    [shard], [index] = tmp_path.glob("shards/*/val-*.tar"), tmp_path.glob("shards/*/index.json")
    whole = shard.read_bytes()
    if damage == "index":
        index.write_text(index.read_text()[:-20])
    elif damage == "shard":
        shard.write_bytes(whole[:-5000])
    else:
        shard.unlink()
    assert shards.pack(table, tmp_path, None).equals(packed)
    assert shard.read_bytes() == whole


def test_a_rewrite_that_breaks_off_leaves_no_index(
    tmp_path: Path, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards.pack(table, tmp_path, None)
    [shard], [index] = tmp_path.glob("shards/*/val-*.tar"), tmp_path.glob("shards/*/index.json")
    shard.unlink()

    def half(self: object, source: str, target: str) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:1000])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(fsspec.filesystem("file")), "put_file", half)
        with pytest.raises(DataError, match="No space left"):
            shards.pack(table, tmp_path, None)
    assert not index.exists()
    assert jpegs(shards.pack(table, tmp_path, None), tmp_path) == jpegs(table, tmp_path)


def test_a_set_that_is_whole_is_not_written_again(tmp_path: Path, table: pd.DataFrame) -> None:
    packed = shards.pack(table, tmp_path, None)
    shard = next(tmp_path.glob("shards/*/val-*.tar"))
    written = shard.stat().st_mtime_ns
    assert shards.pack(table, tmp_path, None).equals(packed)
    assert shard.stat().st_mtime_ns == written


def test_another_split_gives_another_set_and_leaves_the_first(
    tmp_path: Path, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    first = shards.pack(table, tmp_path, None)
    (tmp_path / "shards" / "notes").mkdir()
    shards.pack(table, tmp_path, None)
    assert "other sets" not in capsys.readouterr().out
    shards.pack(table.assign(split="train"), tmp_path, None)
    assert "other sets of shards" in capsys.readouterr().out
    assert jpegs(first, tmp_path) == jpegs(table, tmp_path)


def test_shards_go_to_any_url(tmp_path: Path, table: pd.DataFrame) -> None:
    packed = shards.pack(table, tmp_path, "memory://bucket/dfdc")
    assert packed["crops"].iloc[0].startswith("memory://bucket/dfdc/")
    assert jpegs(packed, tmp_path) == jpegs(table, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["crops"], "nothing is left over"


def test_a_disk_that_fills_up_leaves_no_set_that_looks_whole(
    tmp_path: Path, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(fsspec.filesystem("file")), "put_file", fail)
        with pytest.raises(DataError, match="No space left"):
            shards.pack(table, tmp_path, None)
    assert not list(tmp_path.glob("shards/*/*"))
    assert not list(tmp_path.glob(".partial-*"))
    assert jpegs(shards.pack(table, tmp_path, None), tmp_path) == jpegs(table, tmp_path)


def test_a_url_without_a_way_to_it_is_said_before_any_work() -> None:
    for url in ("nowhere://x", "reference://x", "s3://", "simplecache::s3://bucket/x"):
        with pytest.raises(DataError, match="crops cannot be read from"):
            shards.check_writable(url)


def test_the_index_lies_beside_the_shards(tmp_path: Path, table: pd.DataFrame) -> None:
    shards.pack(table, tmp_path, None)
    [index] = tmp_path.glob("shards/*/index.json")
    places = json.loads(index.read_text())["tracks"]
    assert crop_files.read(index.parent, places["part_0/a.mp4/track_1"], 1) == [b"part_0/a.mp4 1 5"]
