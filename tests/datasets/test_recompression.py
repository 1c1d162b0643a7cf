"""Compressing a clip once more, as images and as a video."""

import cv2
import numpy as np
import pytest

from datasets import recompression


def moving(frames: int = 8, height: int = 64, width: int = 64) -> np.ndarray:
    """(T, H, W, 3) uint8: a bar that goes to the right over a rough ground."""
    random = np.random.default_rng(0)
    ground = cv2.resize(random.integers(40, 200, (16, 16, 3), dtype=np.uint8), (width, height))
    clip = np.stack([ground] * frames)
    for index, frame in enumerate(clip):
        frame[:, 6 * index : 6 * index + 6] = (250, 30, 30)
    return clip


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return cv2.PSNR(one.reshape(-1, 3), other.reshape(-1, 3))


def size(frames: np.ndarray, crf: int) -> int:
    return sum(packet.size for packet in recompression.encode(frames, crf))


def test_a_worse_video_is_smaller_and_further_from_the_original() -> None:
    clip = moving()
    good, bad = (recompression.video(clip, crf, scale=1.0, every=1) for crf in (23, 40))
    assert size(clip, 40) < size(clip, 23) < clip.nbytes
    assert 15 < psnr(clip, bad) < psnr(clip, good) - 3
    assert psnr(clip, good) < 50


def test_a_smaller_video_loses_detail() -> None:
    clip = moving()
    whole, half = (recompression.video(clip, 23, scale, every=1) for scale in (1.0, 0.5))
    assert half.shape == clip.shape
    assert psnr(clip, half) < psnr(clip, whole) - 3


@pytest.mark.parametrize("every", [2, 3])
def test_dropped_frames_are_repeats_of_those_before_them(every: int) -> None:
    clip = moving()
    slow = recompression.video(clip, 23, scale=1.0, every=every)
    for index, frame in enumerate(slow):
        kept = index - index % every
        assert np.array_equal(frame, slow[kept])
        assert index == kept or psnr(frame, clip[kept]) > psnr(frame, clip[index])


def test_frames_come_back_in_order_and_in_their_colours() -> None:
    clip = moving(16, 96, 128)
    back = recompression.video(clip, 20, scale=1.0, every=1)
    assert all(psnr(frame, other) > 25 for frame, other in zip(back, clip, strict=True))


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_every_length_and_odd_sizes_come_back_whole(frames: int) -> None:
    clip = moving(frames, 35, 49)
    for scale, every in ((1.0, 1), (0.7, 3)):
        assert recompression.video(clip, 30, scale, every).shape == clip.shape


def test_the_same_clip_gives_the_same_video_every_time() -> None:
    """Whatever lies in the memory that the encoder is given."""
    random = np.random.default_rng(0)
    litter = []
    for _ in range(100):
        height, width = 2 * random.integers(15, 21, 2)
        clip = random.integers(0, 256, (4, height, width, 3), dtype=np.uint8)
        first = recompression.video(clip, 30, scale=1.0, every=1)
        litter.append(np.full(random.integers(1, 200_000), random.integers(256), np.uint8))
        assert np.array_equal(first, recompression.video(clip, 30, scale=1.0, every=1))


def test_jpeg_of_lower_quality_is_further_from_the_original_in_its_own_colours() -> None:
    clip = moving(2)
    good, bad = (recompression.jpeg(clip, quality) for quality in (90, 30))
    assert good.shape == clip.shape
    assert 20 < psnr(clip, bad) < psnr(clip, good) - 1
    assert psnr(clip, good) < 50
