"""A folder of numbered images is a video: the same frames, in the order of their numbers."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces import image_folder, limits
from faces.decode import read
from faces.detect import FaceDetector
from faces.extract import extract_faces
from tests.helpers.video_files import write_images


def flat(value: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """Frames 1 to 10, each as bright as its number says, and files that are no frames."""
    folder = write_images(tmp_path / "clip", [flat(10 * n) for n in range(1, 11)])
    for name in ("._1.png", "Thumbs.db", "landmarks.npy"):
        (folder / name).write_bytes(b"no image")
    return folder


def levels(images: list[np.ndarray]) -> list[int]:
    return [int(image.mean()) for image in images]


@pytest.mark.parametrize("sampling", ["uniform", "keyframe"])
def test_frames_are_sampled_evenly_in_the_order_of_their_numbers(ten: Path, sampling: str) -> None:
    frames = read(ten, FaceConfig(frames_per_video=10, sampling=sampling))
    assert levels(frames.images) == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    frames = read(ten, FaceConfig(frames_per_video=5, sampling=sampling))
    assert frames.indices == [1, 3, 5, 7, 9]
    assert levels(frames.images) == [20, 40, 60, 80, 100]
    timeline = frames.timeline
    assert (timeline.total, timeline.fps, frames.codec, frames.detail) == (10, 0.0, "png", "")


def test_images_of_another_size_are_fitted_and_not_squeezed(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "clip", [flat(100), flat(200, 48, 48)])
    _, second = read(folder, FaceConfig()).images
    assert second.shape == (24, 32, 3)
    assert (second[:, 4:28] == 200).all()
    assert (second[:, :4] == 0).all()
    assert (second[:, 28:] == 0).all()


def test_a_few_images_that_cannot_be_decoded_are_said(ten: Path) -> None:
    for number in (1, 4, 7):
        (ten / f"{number}.png").write_bytes(b"no image")
    frames = read(ten, FaceConfig())
    assert frames.indices == [1, 2, 4, 5, 7, 8, 9]
    assert frames.detail == "damaged: 7 of 10 sampled images could be decoded"


def test_too_few_images_are_no_video(ten: Path, tmp_path: Path) -> None:
    for number in range(1, 7):
        (ten / f"{number}.png").write_bytes(b"no image")
    with pytest.raises(VideoError, match="only 4 of 10 sampled images"):
        read(ten, FaceConfig())
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoError, match="no folder of images"):
        read(tmp_path / "empty", FaceConfig())


def test_a_face_is_followed_through_a_folder_of_frames(
    tmp_path: Path, heads: list[list[np.ndarray]], detector: FaceDetector
) -> None:
    result = extract_faces(write_images(tmp_path / "clip", heads[0]), detector)
    (track,) = result.tracks
    assert (result.status, result.total_frames, result.sampled_frames) == ("ok", 12, 6)
    assert track.frames == [1, 3, 5, 7, 9, 11]
    assert track.seconds == [None] * 6, "images state no times"


def test_images_that_do_not_fit_into_memory_together_are_refused(
    ten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = 24 * 32 * 3
    monkeypatch.setattr(limits, "MEMORY", 100 * one)
    assert len(read(ten, FaceConfig()).images) == 10
    monkeypatch.setattr(limits, "MEMORY", 10 * one - 1)
    with pytest.raises(VideoError, match="10 images of 32 × 24 pixels need too much memory"):
        read(ten, FaceConfig())


def test_an_image_that_may_not_be_read_is_left_out(
    ten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_image = image_folder._read_image

    def refuse(path: Path) -> tuple[np.ndarray, str]:
        if path.stem.endswith("3"):
            raise PermissionError(13, "Permission denied")
        return read_image(path)

    monkeypatch.setattr(image_folder, "_read_image", refuse)
    frames = read(ten, FaceConfig())
    assert len(frames.images) == 9
    assert frames.detail == "damaged: 9 of 10 sampled images could be decoded"


def test_animated_images_are_frames_too(tmp_path: Path) -> None:
    for number in range(3):
        first, second = (Image.fromarray(flat(value)) for value in (60, 200))
        path = tmp_path / f"{number}.webp"
        first.save(path, save_all=True, append_images=[second], duration=40, quality=100)
    assert levels(read(tmp_path, FaceConfig()).images) == pytest.approx([60] * 3, abs=2)
