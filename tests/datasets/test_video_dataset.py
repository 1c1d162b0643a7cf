"""What training draws from a track."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from common.errors import DataError
from common.preprocessing import ClipConfig
from datasets import landmarks, manifest, video_dataset
from datasets.video_dataset import VideoDataset, collate
from tests.helpers.crop_sets import write_crop_set

CLIP = ClipConfig(clip_frames=2, crop_size=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


@pytest.fixture(params=["mild", "strong"])
def clones(tmp_path: Path, request: pytest.FixtureRequest) -> VideoDataset:
    """Two sources with two fakes each; the crops of all six videos are the same."""
    data = manifest.read(write_crop_set(tmp_path, {"train": 2}, fakes_each=2))
    first, *others = data.tracks("train")["crops"]
    for crops in others:
        shutil.rmtree(tmp_path / crops)
        shutil.copytree(tmp_path / first, tmp_path / crops)
    return VideoDataset(data, "train", CLIP, train=True, seed=5, augmentation=request.param)


def by_source(dataset: VideoDataset) -> dict[str, list[torch.Tensor]]:
    clips: dict[str, list[torch.Tensor]] = {}
    for index, source in enumerate(dataset.sources):
        clips.setdefault(source, []).append(dataset[index]["clip"])
    return clips


def test_a_real_and_its_fakes_get_the_same_frames_and_augmentation(clones: VideoDataset) -> None:
    for clips in by_source(clones).values():
        assert len(clips) == 3
        assert torch.equal(clips[0], clips[1])
        assert torch.equal(clips[0], clips[2])


def test_every_source_and_every_epoch_is_drawn_anew(clones: VideoDataset) -> None:
    first, second = (clips[0] for clips in by_source(clones).values())
    assert not torch.equal(first, second)
    clones.set_epoch(1)
    assert not torch.equal(first, next(iter(by_source(clones).values()))[0])


def test_an_item_is_the_same_whenever_it_is_read_and_leaves_the_generator_alone(
    clones: VideoDataset,
) -> None:
    state = torch.get_rng_state()
    once = clones[0]["clip"]
    assert torch.equal(state, torch.get_rng_state())
    torch.rand(3)
    assert torch.equal(once, clones[0]["clip"])


def test_unreadable_clips_give_way_to_others_of_their_label_in_training_alone(
    tmp_path: Path,
) -> None:
    data = manifest.read(write_crop_set(tmp_path, {"train": 6, "val": 1}, fakes_each=1))
    gone = data.tracks("train").iloc[1]
    shutil.rmtree(tmp_path / gone["crops"])
    dataset = VideoDataset(data, "train", CLIP, train=True)
    batch = collate([dataset[0], dataset[1]])
    assert len(batch["problems"]) == 1
    assert gone["crops"] in batch["problems"][0]
    assert batch["labels"].tolist() == [0, 1]
    assert batch["video_ids"][1] != gone["video_id"]
    seen = set()
    for epoch in range(8):
        dataset.set_epoch(epoch)
        seen.add(dataset[1]["video_id"])
    assert len(seen) > 1, "not always the same one"
    for path in (tmp_path / data.tracks("val").iloc[0]["crops"]).iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError):
        VideoDataset(data, "val", CLIP, train=False)[0]


def test_where_nothing_of_a_label_can_be_read_training_says_so(tmp_path: Path) -> None:
    data = manifest.read(write_crop_set(tmp_path, {"train": 3}, fakes_each=1))
    remove_fakes(tmp_path, data)
    with pytest.raises(DataError, match="train0_fake1"):
        VideoDataset(data, "train", CLIP, train=True)[1]


def remove_fakes(folder: Path, data: manifest.Manifest) -> None:
    """Whoever reads their crops now fails."""
    for crops in data.table.loc[data.table["label"] == manifest.FAKE, "crops"]:
        shutil.rmtree(folder / crops)


def test_self_blends_are_fakes_that_differ_from_their_real_inside_the_face_alone(
    tmp_path: Path,
) -> None:
    data = manifest.read(write_crop_set(tmp_path, {"train": 4}, fakes_each=2))
    remove_fakes(tmp_path, data)
    dataset = VideoDataset(data, "train", CLIP, train=True, seed=5, sbi=1.0)
    items = [dataset[index] for index in range(len(dataset))]
    real_of = {
        source: item["clip"]
        for source, item in zip(dataset.sources, items, strict=True)
        if item["label"] == manifest.REAL
    }
    assert [item["label"] for item in items] == dataset.labels
    assert [item["video_id"] for item in items] == dataset.rows["video_id"].tolist()
    for source, item in zip(dataset.sources, items, strict=True):
        if item["label"] == manifest.FAKE:
            difference = (item["clip"].float() - real_of[source]).abs() / 255
            # Not zero: the augmentation's contrast turns around the mean of the whole clip.
            assert difference[..., [0, 0, -1, -1], [0, -1, 0, -1]].max() < 0.02
            assert difference[..., 12:20, 12:20].mean() > 0.001


def test_fakes_of_one_real_are_blended_each_in_its_own_way(tmp_path: Path) -> None:
    data = manifest.read(write_crop_set(tmp_path, {"train": 1}, fakes_each=2))
    dataset = VideoDataset(data, "train", CLIP, train=True, sbi=1.0)
    first, second = dataset[1]["clip"], dataset[2]["clip"]
    assert not torch.equal(first, second)
    dataset.set_epoch(1)
    assert not torch.equal(first, dataset[1]["clip"])


def test_the_asked_share_of_fakes_gives_way_others_every_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = manifest.read(write_crop_set(tmp_path, {"train": 4}, fakes_each=30, frames=1))
    dataset = VideoDataset(data, "train", CLIP, train=True, sbi=0.3)
    blended = np.zeros((6, len(dataset)), bool)

    def note(clip: torch.Tensor, *_: object) -> torch.Tensor:
        blended[epoch, index] = True
        return clip

    monkeypatch.setattr(video_dataset, "self_blend", note)
    for epoch in range(len(blended)):
        dataset.set_epoch(epoch)
        for index in range(len(dataset)):
            dataset[index]
    fakes = np.array(dataset.labels) == manifest.FAKE
    assert not blended[:, ~fakes].any()
    assert blended[:, fakes].mean() == pytest.approx(0.3, abs=0.05)
    assert (blended[0] != blended[1]).any()
    assert blended[:, fakes].any(axis=0).mean() > 0.8, "no fake is always or never replaced"


def test_a_self_blend_gets_the_landmarks_of_its_own_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = manifest.read(write_crop_set(tmp_path, {"train": 1}, fakes_each=1, frames=6))
    still = np.array([[14, 16], [26, 16], [20, 21], [16, 26], [24, 26]])
    points = still + np.arange(6)[:, None, None] / 4
    track = {"crops": "track_0", "boxes": [[10, 10, 30, 30]] * 6, "landmarks": points.tolist()}
    (tmp_path / "crops/part/train0.mp4/video.json").write_text(json.dumps({"tracks": [track]}))
    dataset = VideoDataset(data, "train", CLIP, train=True, sbi=1.0)
    real = dataset.rows.iloc[0]
    crops = [dataset._load(real, start)[0] for start in range(6)]
    expected = landmarks.track_landmarks(tmp_path, real, data.faces)
    seen = set()

    def check(clip: torch.Tensor, given: np.ndarray, _: torch.Generator) -> torch.Tensor:
        start = next(n for n, crop in enumerate(crops) if torch.equal(crop, clip[0]))
        assert np.array_equal(given, expected[start : start + 2])
        seen.add(start)
        return clip

    monkeypatch.setattr(video_dataset, "self_blend", check)
    for epoch in range(12):
        dataset.set_epoch(epoch)
        dataset[1]
    assert len(seen) > 2
    assert np.ptp(expected[:, 0, 0]) > 1, "not those of a typical face"


def test_a_fake_without_a_real_of_its_source_gives_way_to_any_real(tmp_path: Path) -> None:
    path = write_crop_set(tmp_path, {"train": 3, "val": 1}, fakes_each=1)
    data = manifest.read(path)
    orphan = data.table["video_id"] == "part/train1.mp4"
    manifest.write(path, data.table[~orphan])
    data = manifest.read(path)
    remove_fakes(tmp_path, data)
    shutil.rmtree(tmp_path / "crops/part/val0.mp4")
    dataset = VideoDataset(data, "train", CLIP, train=True, sbi=1.0)
    dataset.transform = torch.nn.Identity()
    index = dataset.rows["video_id"].tolist().index("part/train1_fake1.mp4")
    edges = []
    for epoch in range(8):
        dataset.set_epoch(epoch)
        item = dataset[index]
        assert (item["label"], item["video_id"]) == (manifest.FAKE, "part/train1_fake1.mp4")
        edges.append(item["clip"][..., 0, :].float().mean().item())
    assert np.ptp(edges) > 10, "not always the same one"


def test_loader_processes_make_the_same_self_blends(tmp_path: Path) -> None:
    data = manifest.read(write_crop_set(tmp_path, {"train": 2}, fakes_each=2))
    dataset = VideoDataset(data, "train", CLIP, train=True, sbi=0.5)
    one, two = (
        torch.cat([b["clips"] for b in DataLoader(dataset, 2, num_workers=n, collate_fn=collate)])
        for n in (0, 2)
    )
    assert torch.equal(one, two)


def test_reals_without_fakes_get_a_self_blend_each_and_others_none(tmp_path: Path) -> None:
    write_crop_set(tmp_path, {"train": 4, "val": 1}, fakes_each=1)
    data = manifest.read(tmp_path / "videos_df.csv")
    alone = data.table[~data.table["video_id"].str.contains("train[01]_fake")]
    data = manifest.Manifest(alone, data.folder, data.faces)
    rows = VideoDataset(data, "train", CLIP, train=True, sbi=0.5).rows
    blends = rows[rows["only_blend"]]
    assert sorted(blends["video_id"]) == ["part/train0.mp4", "part/train1.mp4"]
    assert set(blends["label"]) == {manifest.FAKE}
    assert len(rows) == 4 + 2 + 2
    assert len(VideoDataset(data, "train", CLIP, train=True).rows) == 6, "only with self-blends"
    assert len(VideoDataset(data, "val", CLIP, train=False).rows) == 2
