"""What training draws from a track."""

import shutil
from pathlib import Path

import pytest
import torch

from datasets import manifest
from datasets.video_dataset import VideoDataset
from preprocessing import ClipConfig
from tests.crop_sets import write_crop_set

CLIP = ClipConfig(clip_frames=2, crop_size=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


@pytest.fixture
def clones(tmp_path: Path) -> VideoDataset:
    """Two sources with two fakes each; the crops of all six videos are the same."""
    data = manifest.read(write_crop_set(tmp_path, {"train": 2}, fakes_each=2))
    first, *others = data.tracks("train")["crops"]
    for crops in others:
        shutil.rmtree(tmp_path / crops)
        shutil.copytree(tmp_path / first, tmp_path / crops)
    return VideoDataset(data, "train", CLIP, train=True, seed=5)


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
