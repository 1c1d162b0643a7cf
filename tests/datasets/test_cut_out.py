"""A part of the face hidden: where its landmarks are, in every frame, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch

from common.preprocessing import ClipConfig, FaceConfig
from datasets import augmentations, video_dataset
from datasets.cut_out import GREY, PARTS, cut_out
from datasets.landmarks import typical_landmarks
from datasets.manifest import read
from datasets.video_dataset import VideoDataset
from tests.helpers.crop_sets import write_crop_set

SIZE = 96
SEEDS = range(30)


def moving(frames: int) -> np.ndarray:
    """(T, 5, 2): a face that goes to the right by four pixels a frame."""
    points = typical_landmarks(frames, FaceConfig(face_size=SIZE))
    points[..., 0] += 0.2 + 4 * np.arange(frames)[:, None]  # no half that may round either way
    return points


def hidden(points: np.ndarray, seed: int) -> np.ndarray:
    """(T, S, S) bool, on frames without any grey."""
    clip = torch.full((len(points), 3, SIZE, SIZE), 200, dtype=torch.uint8)
    torch.manual_seed(seed)
    changed = cut_out(clip, points)
    assert changed.shape == clip.shape and changed.dtype == torch.uint8
    assert (clip == 200).all(), "the clip itself stays as it was"
    assert set(changed.unique().tolist()) <= {GREY, 200}
    return (changed == GREY).all(dim=1).numpy()


@pytest.mark.parametrize("seed", SEEDS)
def test_one_part_is_hidden_around_its_landmarks_and_goes_with_them(seed: int) -> None:
    points = moving(3)
    masks = hidden(points, seed)
    middles = [points[0, list(part)].mean(axis=0) for part, _, _ in PARTS]
    rows, columns = np.nonzero(masks[0])
    middle = np.array([columns.mean(), rows.mean()])
    assert min(np.abs(middle - place).max() for place in middles) < 1
    assert 0.005 < masks[0].mean() < 0.2
    for number in (1, 2):
        assert (masks[number][:, 4 * number :] == masks[0][:, : -4 * number]).all()


def test_every_part_is_hidden_at_times() -> None:
    shapes = {tuple(np.argwhere(hidden(moving(1), seed)[0]).mean(axis=0).round()) for seed in SEEDS}
    assert len(shapes) >= 5


@pytest.mark.parametrize("points", [np.full((2, 5, 2), -500.0), np.full((2, 5, 2), 48.0)])
def test_faces_beyond_the_crop_or_from_the_side_break_nothing(points: np.ndarray) -> None:
    assert hidden(points, 0).mean() < 0.2


def test_it_belongs_to_strong_augmentation_alone_and_is_the_same_for_a_real_and_its_fakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = read(write_crop_set(tmp_path, {"train": 8}, fakes_each=1, frames=2))
    calls: list[str] = []

    def note(clip: torch.Tensor, points: np.ndarray) -> torch.Tensor:
        calls.append(f"{int(torch.randint(10**9, ()))}")
        assert points.shape == (2, 5, 2)
        return clip

    monkeypatch.setattr(video_dataset, "cut_out", note)
    monkeypatch.setitem(augmentations.HIDDEN_PARTS, "strong", 0.5)
    clip = ClipConfig(clip_frames=2, crop_size=32)
    for strength in ("none", "mild"):
        dataset = VideoDataset(data, "train", clip, train=True, augmentation=strength)
        assert [dataset[i]["label"] for i in range(16)] and not calls
    dataset = VideoDataset(data, "train", clip, train=True, augmentation="strong")
    found = []
    for index in range(16):
        calls.clear()
        dataset[index]
        found.append((dataset.sources[index], tuple(calls)))
    assert len(set(found)) == 8, "one draw for a source"
    assert 0 < sum(bool(drawn) for _, drawn in found) < 16
