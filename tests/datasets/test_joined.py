"""Several manifests in one: names that stay apart, groups that never leak, settings that fit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import DataError
from datasets import joined, manifest
from datasets.manifest import Manifest
from datasets.video_dataset import tracks_with_crops
from tests.helpers.crop_sets import FACES, write_crop_set


def collection(folder: Path, seed: int = 0, **settings: object) -> Manifest:
    """A manifest whose crops have other settings than FACES, as far as given."""
    path = write_crop_set(folder, {"train": 2, "val": 1}, fakes_each=1, seed=seed)
    manifest.write_record(path, {"faces": replace(FACES, **settings).to_dict()})
    return manifest.read(path)


def test_every_crop_is_found_and_names_of_collections_stay_apart(tmp_path: Path) -> None:
    both = {name: collection(tmp_path / name) for name in ("one", "two")}
    data = joined.join(both, judge="two")
    assert len(data.table) == len(both["one"].table) + len(both["two"].table)
    assert data.table["video_id"].is_unique
    assert set(data.table["source"]) == {
        f"{name}/{source}" for name in both for source in ("train0", "train1", "val0")
    }
    assert tracks_with_crops(data, "train")["collection"].value_counts().to_dict() == {
        "one": 4,
        "two": 4,
    }
    assert all((data.folder / crops).is_dir() for crops in data.table["crops"])


def test_settings_are_those_of_the_named_collection(tmp_path: Path) -> None:
    one = collection(tmp_path / "one", margin=0.1, face_size=64, jpeg_quality=80)
    two = collection(tmp_path / "two")
    data = joined.join({"one": one, "two": two}, judge="one")
    assert data.faces == one.faces
    assert data.collections == {"one": one.faces, "two": two.faces}


def test_pictures_that_were_crops_already_fit_crops_of_videos(tmp_path: Path) -> None:
    crops = collection(tmp_path / "crops", mode="cropped", margin=-0.06, frames_per_video=1)
    videos = collection(tmp_path / "videos")
    assert joined.join({"crops": crops, "videos": videos}, judge="videos").faces == videos.faces


@pytest.mark.parametrize(
    "settings", [{"mode": "whole"}, {"frames_per_video": 3}, {"detect_size": 100}]
)
def test_other_settings_that_differ_are_refused_by_name(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    both = {"one": collection(tmp_path / "one"), "two": collection(tmp_path / "two", **settings)}
    with pytest.raises(DataError, match=f"two and one were .* different .*{next(iter(settings))}"):
        joined.join(both, judge="one")


@pytest.mark.parametrize("other", ["val", "test"])
def test_a_group_in_two_splits_is_refused(tmp_path: Path, other: str) -> None:
    both = {name: collection(tmp_path / name) for name in ("one", "two")}
    table = both["two"].table
    moved = table.assign(split=["test" if g == "val0" else other for g in table["group"]])
    kept = moved[moved["group"] == ("val0" if other == "test" else "train0")]
    both["two"] = Manifest(kept, both["two"].folder, both["two"].faces)
    with pytest.raises(DataError, match=r"1 groups are in different splits, first .* of one and"):
        joined.join(both, judge="one")


def test_names_are_folders_or_files_and_whole_paths_where_these_repeat() -> None:
    paths = [Path(p) for p in ("a/videos_df.csv", "b/videos_df.csv", "other.csv")]
    assert joined.names(paths) == ["a", "b", "other"]
    same = [Path("x/a/videos_df.csv"), Path("y/a/videos_df.csv")]
    assert joined.names(same) == [str(path) for path in same]


def test_a_fingerprint_changes_with_any_of_the_manifests(tmp_path: Path) -> None:
    both = {name: collection(tmp_path / name) for name in ("one", "two")}
    before = joined.fingerprint(both)
    path = tmp_path / "two" / "videos_df.csv"
    path.write_text(path.read_text().replace("train1", "train9"))
    after = joined.fingerprint(both | {"two": manifest.read(path)})
    assert before["sha256"] != after["sha256"]
    assert json.dumps(before), "it is stored in checkpoints"
