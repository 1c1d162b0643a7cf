"""preprocess_dfdc.py --store shards: the same crops in a few large files."""

import shutil
import tarfile
from pathlib import Path

import fsspec
import pytest
import torch

from common.preprocessing import ClipConfig
from datasets import VideoDataset, manifest
from tests.helpers.preprocess_runs import flags, run, tree

STORE = ("--store", "shards")


def clips(output: Path) -> list[torch.Tensor]:
    """Of training, as they are and as self-blends, which need landmarks."""
    data = manifest.read(output / "videos_df.csv")
    config = ClipConfig(clip_frames=4, crop_size=48)
    sets = [VideoDataset(data, "train", config, train=True, sbi=share) for share in (0.0, 1.0)]
    return [dataset[index]["clip"] for dataset in sets for index in range(len(dataset))]


def assert_same_clips(one: Path, other: Path) -> None:
    pairs = list(zip(clips(one), clips(other), strict=True))
    assert pairs
    assert all(torch.equal(a, b) for a, b in pairs)


def test_training_sees_the_same_clips(
    dfdc: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "packed"
    assert run(monkeypatch, *flags(dfdc, data), *STORE) == 0
    table = manifest.read(data / "videos_df.csv").table
    assert not list(data.rglob("*.jpg")), "no file a crop"
    shutil.rmtree(data / "crops")
    assert_same_clips(data, output)
    before = manifest.read(output / "videos_df.csv").table
    assert table.drop(columns="crops").equals(before.drop(columns="crops"))


def test_shards_elsewhere_are_found_through_the_manifest(
    dfdc: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "packed"
    place = tmp_path / "big disk"
    assert run(monkeypatch, *flags(dfdc, data), *STORE, "--shards_url", str(place)) == 0
    assert list(place.glob("*/train-000000.tar"))
    assert_same_clips(data, output)


def test_crops_that_are_there_as_files_go_into_shards_without_another_extraction(
    output: Path, dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    data = tmp_path / "packed"
    shutil.copytree(output, data)
    assert run(monkeypatch, *flags(dfdc, data), *STORE) == 0
    assert "extracted now" not in capsys.readouterr().out
    assert_same_clips(data, output)


def test_a_run_that_ends_while_it_packs_leaves_a_manifest_that_holds_and_can_go_on(
    dfdc: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run(monkeypatch, *flags(dfdc, whole), *STORE) == 0

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(fsspec.filesystem("file")), "put_file", fail)
        assert run(patch, *flags(dfdc, cut), *STORE) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("error: ")
    assert_same_clips(cut, output)
    assert run(monkeypatch, *flags(dfdc, cut), *STORE) == 0
    assert tree(cut) == tree(whole)


def test_a_damaged_track_is_made_again(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, *flags(dfdc, tmp_path), *STORE) == 0
    before = tree(tmp_path)
    track = sorted(tmp_path.glob("crops/*/*/track_0.tar"))[0]
    track.write_bytes(track.read_bytes()[:3000])
    with pytest.raises(tarfile.TarError), tarfile.open(track) as tar:
        tar.getnames()
    assert run(monkeypatch, *flags(dfdc, tmp_path), *STORE) == 0
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--shards_url", "s3://bucket"), "--shards_url needs --store shards"),
        ((*STORE, "--shards_url", "nowhere://x"), "crops cannot be read from nowhere://x"),
        ((*STORE, "--shards_url", "/"), "expected a folder or its URL"),
    ],
)
def test_a_place_that_cannot_be_served_is_one_line(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, words, says: str
) -> None:
    assert run(monkeypatch, *flags(dfdc, tmp_path), *words) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "crops").exists(), "said before any work"


@pytest.mark.slow
def test_crops_made_anew_with_other_settings_are_the_ones_that_training_sees(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when crops/ was deleted in between, and with it what tells the settings."""
    data, fresh = tmp_path / "packed", tmp_path / "fresh"
    assert run(monkeypatch, *flags(dfdc, data), *STORE) == 0
    shutil.rmtree(data / "crops")
    other = ("--margin", "0.6", "--jpeg_quality", "60")
    assert run(monkeypatch, *flags(dfdc, data), *STORE, *other) == 0
    assert run(monkeypatch, *flags(dfdc, fresh), *other) == 0
    assert_same_clips(data, fresh)


def test_a_manifest_holds_until_the_next_one_is_written(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "packed"
    place = ("--shards_url", str(tmp_path / "elsewhere/../big"))
    assert run(monkeypatch, *flags(dfdc, data), *STORE, *place) == 0
    before = clips(data)
    assert run(monkeypatch, *flags(dfdc, data), "--shard", "1/2") == 0
    assert all(torch.equal(a, b) for a, b in zip(before, clips(data), strict=True))
