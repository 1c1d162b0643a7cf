"""A face blended onto itself: changed where the face is, by one draw a clip, and nowhere else."""

import cv2
import numpy as np
import pytest
import torch

from common.preprocessing import FaceConfig
from datasets.landmarks import typical_landmarks
from datasets.self_blend import draw, self_blend

SIZE = 96
FACES = FaceConfig(face_size=SIZE)
SEEDS = range(40)


def picture(seed: int = 0) -> np.ndarray:
    """(SIZE, SIZE, 3) uint8: smooth colours, as on a face."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIZE, SIZE, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.clip(120 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def still(frames: int) -> torch.Tensor:
    """(T, 3, SIZE, SIZE): a picture that does not move, in memory as decoding leaves it."""
    return torch.from_numpy(picture()).repeat(frames, 1, 1, 1).permute(0, 3, 1, 2)


def blended(clip: torch.Tensor, landmarks: np.ndarray, seed: int) -> torch.Tensor:
    return self_blend(clip, landmarks, torch.Generator().manual_seed(seed))


def changed(clip: torch.Tensor, mixed: torch.Tensor) -> np.ndarray:
    """(T, S, S) bool"""
    return (clip != mixed).any(dim=1).numpy()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_face_changes_and_what_is_around_it_does_not(seed: int) -> None:
    clip, landmarks = still(2), typical_landmarks(2, FACES)
    pixels = changed(clip, blended(clip, landmarks, seed))
    eyes = np.linalg.norm(landmarks[0, 1] - landmarks[0, 0])
    left, top = landmarks[0, :2].mean(axis=0)
    rows, columns = np.nonzero(pixels[0])
    assert np.abs(columns - left).max() < 1.8 * eyes
    assert rows.min() > top - 1.5 * eyes
    assert rows.max() < top + 2.5 * eyes
    middle = slice(round(top), round(top + eyes)), slice(round(left - eyes / 2), round(left))
    assert pixels[0][middle].mean() > 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_border_is_soft(seed: int) -> None:
    """On a plain picture the only edges are the blend's own."""
    clip = torch.full((1, 3, SIZE, SIZE), 120, dtype=torch.uint8)
    mixed = blended(clip, typical_landmarks(1, FACES), seed)[0].short()
    whole = (mixed - 120).abs().max()
    step = max(mixed.diff(dim=1).abs().max(), mixed.diff(dim=2).abs().max())
    assert step <= 0.45 * whole + 1


def is_steady(seed: int, frames: int) -> bool:
    """Whether the blend of this seed does not flicker."""
    return bool((draw(torch.Generator().manual_seed(seed), frames).flicker == 1).all())


def test_some_blends_flicker_and_most_do_not() -> None:
    assert 0.5 < np.mean([is_steady(seed, 4) for seed in range(100)]) < 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_a_still_face_gets_nearly_the_same_blend_in_every_frame(seed: int) -> None:
    clip = still(16)
    mixed = blended(clip, typical_landmarks(16, FACES), seed).float()
    if not is_steady(seed, 16):
        assert mixed.diff(dim=0).abs().mean(dim=(1, 2, 3)).max() < 8, "a flicker"
        return
    assert 0 < mixed.diff(dim=0).abs().mean(dim=(1, 2, 3)).max() < 0.25, "grey levels a frame"
    assert (mixed - mixed[0]).abs().mean(dim=(1, 2, 3)).max() < 1.5, "all the drift"


def test_the_mask_goes_with_the_face() -> None:
    clip, landmarks = still(3), typical_landmarks(3, FACES)
    landmarks += np.array([-12, 0, 12])[:, None, None] * [1, 0.5]
    pixels = changed(clip, blended(clip, landmarks, seed=1))
    centres = np.array([np.argwhere(frame).mean(axis=0)[::-1] for frame in pixels])
    assert np.diff(centres, axis=0) == pytest.approx(np.full((2, 2), [12, 6]), abs=1.5)


def test_the_seed_is_all_the_chance_there_is() -> None:
    clip, landmarks = still(2), typical_landmarks(2, FACES)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = blended(clip, landmarks, 3)
    assert torch.equal(state, torch.get_rng_state())
    assert numpy_state == np.random.get_state()[1].tolist()
    torch.rand(1), np.random.rand(1)
    assert torch.equal(first, blended(clip, landmarks, 3))
    assert not torch.equal(first, blended(clip, landmarks, 4))


def test_the_clip_itself_is_left_as_it_was() -> None:
    clip = still(2)
    blended(clip, typical_landmarks(2, FACES), 0)
    assert torch.equal(clip, still(2))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.parametrize("grey", [False, True], ids=["colour", "grey"])
@pytest.mark.parametrize("shift", [0, 45, -60], ids=["inside", "right edge", "left edge"])
def test_any_clip_is_blended(frames: int, grey: bool, shift: int, seed: int) -> None:
    clip = still(frames)
    if grey:
        clip = clip[:, :1].repeat(1, 3, 1, 1)
    mixed = blended(clip, typical_landmarks(frames, FACES) + np.array([shift, 0]), seed)
    assert mixed.shape == clip.shape
    assert mixed.dtype == torch.uint8
    assert not torch.equal(mixed, clip)


def test_a_dark_face_is_not_given_more_contrast_than_a_bright_one() -> None:
    """Changes of colour are relative."""
    bright, landmarks = still(1), typical_landmarks(1, FACES)
    dark = bright // 8
    for seed in SEEDS:
        change = (blended(bright, landmarks, seed).float() - bright).abs().mean()
        faint = (blended(dark, landmarks, seed).float() - dark).abs().mean()
        assert faint < change / 4
