"""A marked video shows faces where they are, between looks too, and is as long as what was seen."""

from pathlib import Path

import av
import numpy as np
import pytest

from common.errors import VideoError
from faces.sampling import WHOLE, Span
from inference import marked_video
from inference.video_score import FaceScore, FrameScore, VideoScore
from tests.helpers.video_files import turn, write_as, write_at, write_video

GREY = 90
DIGEST = "0a1b2c3d" * 8
FAKE = np.array(marked_video.COLOURS["fake"])


def write(folder: Path, score: VideoScore, span: Span) -> Path:
    list(marked_video.write(folder, score, span))
    (path,) = folder.glob("*-0a1b2c3d.mp4")
    return path


def look(index: int, left: float, p_fake: float = 0.9) -> FrameScore:
    return FrameScore(index, index / 25, [left, 40.0, left + 40, 80.0], 0.99, p_fake)


def score_of(video: Path, *looks: FrameScore) -> VideoScore:
    person = FaceScore(1, "fake", 0.9, list(looks))
    return VideoScore(str(video), "fake", 0.9, len(looks), 0.1, "", people=[person], sha256=DIGEST)


def read(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def left_edge(image: np.ndarray) -> int | None:
    """Of the box of a fake, below its text."""
    red = np.abs(image[60].astype(int) - FAKE).max(axis=1) < 80
    return int(np.flatnonzero(red)[0]) if red.any() else None


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    images = [np.full((121, 161, 3), GREY, np.uint8)] * 20
    return write_as(tmp_path / "grey.mkv", images, "ffv1", "bgr0")


def test_a_face_is_framed_between_looks_too_and_not_where_nobody_was_looked_for(
    grey: Path, tmp_path: Path
) -> None:
    score = score_of(grey, look(4, 20), look(8, 60))
    path = write(tmp_path, score, WHOLE)
    assert path.name.startswith("grey-") and path.suffix == ".mp4"
    images = read(path)
    assert len(images) == 20
    assert images[0].shape == (120, 160, 3), "even, as players want it"
    edges = [left_edge(image) for image in images]
    assert [at for at, edge in enumerate(edges) if edge is not None] == [*range(2, 11)]
    for at, expected in ((3, 20), (4, 20), (6, 40), (8, 60), (10, 60)):
        assert abs(edges[at] - expected) <= 2


def test_it_ends_where_looking_ended(grey: Path, tmp_path: Path) -> None:
    path = write(tmp_path, score_of(grey, look(1, 20)), Span(limit=0.2))
    assert len(read(path)) == 5


def test_its_frames_are_shown_when_those_of_the_original_are(tmp_path: Path) -> None:
    times = [0, 1, 2, 30, 31, 90]
    images = [np.full((96, 128, 3), GREY, np.uint8)] * len(times)
    video = write_at(tmp_path / "screen.mp4", images, times, unit=10)
    path = write(tmp_path, score_of(video, look(1, 20)), Span(limit=9))
    with av.open(str(path)) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    assert shown == pytest.approx([0, 0.1, 0.2, 3, 3.1], abs=0.001)


def test_a_limit_before_the_second_frame_leaves_the_first_one(tmp_path: Path) -> None:
    images = [np.full((96, 128, 3), GREY, np.uint8)] * 3
    video = write_at(tmp_path / "slow.mp4", images, [0, 4, 8], unit=1)
    path = write(tmp_path, score_of(video, look(0, 20)), Span(limit=1))
    assert len(read(path)) == 1


def test_turned_videos_are_upright(tmp_path: Path) -> None:
    video = turn(write_video(tmp_path / "t.mp4", [np.full((96, 128, 3), GREY, np.uint8)] * 4))
    (image, *_) = read(write(tmp_path, score_of(video, look(1, 20)), WHOLE))
    assert image.shape == (128, 96, 3)


def test_what_cannot_be_read_or_written_leaves_nothing_behind(grey: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    empty = tmp_path / "out"
    empty.mkdir()
    with pytest.raises(VideoError):
        write(empty, score_of(tmp_path / "text.mp4", look(1, 20)), WHOLE)
    with pytest.raises(OSError):
        write(empty / "gone", score_of(grey, look(1, 20)), WHOLE)
    assert list(empty.iterdir()) == []
