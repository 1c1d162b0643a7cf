"""Clips made from a picture: alike, but moving, and with landmarks that move along."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from common.preprocessing import ClipConfig
from datasets import manifest, pseudo_clips
from datasets.video_dataset import VideoDataset
from tests.helpers.crop_sets import write_crop_set

SIZE = 96


def picture() -> torch.Tensor:
    """(1, 3, SIZE, SIZE): bright discs on a dark ground."""
    image = np.full((SIZE, SIZE, 3), 40, np.uint8)
    for centre in ((30, 40), (66, 40), (48, 60)):
        cv2.circle(image, centre, 5, (220, 220, 220), -1)
    return torch.from_numpy(image)[None].permute(0, 3, 1, 2)


def animated(seed: int, frames: int = 12) -> tuple[torch.Tensor, np.ndarray]:
    return pseudo_clips.animate(picture(), frames, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(10))
def test_frames_differ_a_little_and_come_from_the_seed_alone(seed: int) -> None:
    clip, _ = animated(seed)
    assert clip.shape == (12, 3, SIZE, SIZE)
    assert clip.dtype == torch.uint8
    steps = (clip[1:].float() - clip[:-1]).abs().mean(dim=(1, 2, 3))
    assert (steps > 0).all() and (steps < 8).all()
    assert torch.equal(clip, animated(seed)[0])
    assert not torch.equal(clip, animated(seed + 100)[0])


@pytest.mark.parametrize("seed", range(10))
def test_landmarks_stay_on_what_they_mark(seed: int) -> None:
    clip, matrices = animated(seed)
    discs = np.array([[[30.0, 40.0], [66.0, 40.0], [48.0, 60.0]]])
    for frame, points in zip(clip, pseudo_clips.move(discs, matrices), strict=True):
        grey = frame.float().mean(dim=0).numpy()
        for x, y in points:
            column, row = round(x), round(y)
            around = grey[row - 8 : row + 9, column - 8 : column + 9] - 40
            rows, columns = np.mgrid[-8:9, -8:9]
            weight = np.clip(around, 0, None)
            off = (weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()
            assert np.hypot(*off) < 1.5


def test_single_crops_become_clips_and_longer_tracks_stay_as_they_are(tmp_path: Path) -> None:
    config = ClipConfig(clip_frames=4, crop_size=32)
    data = {
        frames: manifest.read(
            write_crop_set(tmp_path / str(frames), {"train": 2, "val": 1}, 1, frames=frames)
        )
        for frames in (1, 2)
    }
    for split in ("train", "val"):
        train = split == "train"
        lengths = {
            frames: len(VideoDataset(set_, split, config, train, animate=True)[0]["clip"])
            for frames, set_ in data.items()
        }
        assert lengths == {1: 4, 2: 2}
    plain = VideoDataset(data[1], "train", config, train=True)
    assert len(plain[0]["clip"]) == 1, "only where it is asked for"


def test_a_real_and_its_fakes_move_alike(tmp_path: Path) -> None:
    path = write_crop_set(tmp_path, {"train": 1}, fakes_each=1, frames=1)
    data = manifest.read(path)
    first, second = data.tracks("train")["crops"]
    (tmp_path / second / "0000000.jpg").write_bytes((tmp_path / first / "0000000.jpg").read_bytes())
    config = ClipConfig(clip_frames=4, crop_size=32)
    dataset = VideoDataset(data, "train", config, train=True, animate=True)
    assert torch.equal(dataset[0]["clip"], dataset[1]["clip"])
