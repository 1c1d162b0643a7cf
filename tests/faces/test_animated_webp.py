"""Animated WebP is a video like others, though FFmpeg cannot decode it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import VideoError
from common.preprocessing import DECODERS, SAMPLINGS, FaceConfig
from faces import decode, limits, sampling
from faces.sampling import Span
from tests.helpers.video_files import cut, facts, grey_index, greys


def write(path: Path, images: list[np.ndarray], milliseconds: list[int]) -> Path:
    first, *others = map(Image.fromarray, images)
    first.save(
        path, save_all=True, append_images=others, duration=milliseconds, quality=100, method=0
    )
    return path


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("way", SAMPLINGS)
def test_its_frames_come_with_their_times(tmp_path: Path, decoder: str, way: str) -> None:
    path = write(tmp_path / "talk.webp", greys(20), [40] * 10 + [500] * 10)
    config = FaceConfig(frames_per_video=6, decoder=decoder, sampling=way)
    frames = decode.read(path, config)
    assert frames.indices == sampling.uniform(20, 6)
    assert [grey_index(image) for image in frames.images] == frames.indices
    assert frames.seconds == pytest.approx([0.04, 0.2, 0.32, 0.9, 2.9, 4.4])
    assert frames.timeline.seconds == pytest.approx(5.4, abs=0.5)


def test_it_is_judged_in_windows(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.webp", greys(20), [100] * 20)
    found = decode.read_windows(path, FaceConfig(frames_per_video=2), Span(window=0.5, limit=1))
    assert [frames.indices for frames in found] == [[1, 3], [6, 8]]


def test_every_frame_of_it_can_be_marked(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.webp", greys(5), [100] * 5)
    with decode.every_frame(path) as video:
        found = list(video.images)
    assert [(index, grey_index(image)) for index, image in found] == [(i, i) for i in range(5)]
    assert all(image.flags.writeable for _, image in found)
    assert facts(path)["container"] != "not readable"


def test_an_image_that_is_not_animated_is_left_to_ffmpeg(tmp_path: Path) -> None:
    Image.fromarray(greys(4)[3]).save(tmp_path / "still.webp")
    assert grey_index(decode.read(tmp_path / "still.webp", FaceConfig()).images[0]) == 3


def test_damage_and_too_many_pixels_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "talk.webp", greys(20), [40] * 20)
    with pytest.raises(VideoError, match="damaged animated WebP"):
        decode.read(cut(path, tmp_path / "cut.webp", 0.6), FaceConfig())
    monkeypatch.setattr(limits, "MEMORY", 100_000)
    with pytest.raises(VideoError, match="64 × 48 pixels need too much memory"):
        decode.read(path, FaceConfig())
