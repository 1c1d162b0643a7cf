"""What a file declares is checked before memory is spent on it; usual videos keep every pixel."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces import decode, limits, packets
from faces.detect import FaceDetector
from faces.extract import extract_faces
from tests.helpers.memory import reading_memory
from tests.helpers.video_files import greys, write_video, write_with_sound

# MB for reading; torch and a model take less than 800 more, which makes 3 GB.
PEAK = 2200


def write_image(path: Path, width: int, height: int) -> None:
    Image.new("RGB", (width, height), (90, 90, 90)).save(path)


def write_film(path: Path, width: int, height: int) -> None:
    """Each of 32 frames is predicted from up to 16 others."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "x264-params": "ref=16:rc-lookahead=0"}
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([90]) * plane.buffer_size)
        for index in range(32):
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


# File name → how it is written, width and height, and the frames that are read
LARGE: dict[str, tuple[Callable[[Path, int, int], None], int, int, int]] = {
    "telephone_8k.mp4": (write_film, 7680, 4320, 32),
    "photograph.jpg": (write_image, 16_000, 12_000, 1),
    "ribbon.png": (write_image, 60_000, 360, 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_no_single_file_takes_more_than_its_share_of_memory(tmp_path: Path, name: str) -> None:
    write, width, height, expected = LARGE[name]
    write(tmp_path / name, width, height)
    frames, peak = reading_memory(tmp_path / name)
    assert frames == expected
    assert peak <= PEAK


def test_frames_that_do_not_fit_into_memory_are_shrunk_and_boxes_are_not(
    tmp_path: Path,
    heads: list[list[np.ndarray]],
    detector: FaceDetector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = [image.repeat(2, axis=0).repeat(2, axis=1) for image in heads[0]]
    path = write_video(tmp_path / "head.mp4", images)
    whole = extract_faces(path, detector)
    monkeypatch.setattr(limits, "MEMORY", 640 * 480 * 1.5 * 13 + 640 * 480 * 3 * 5)
    monkeypatch.setattr(limits, "SHORT_SIDE", 240)
    half = extract_faces(path, detector)
    assert (whole.detail, half.detail) == ("", "read at 1/2 of its size")
    assert (half.width, half.height) == (whole.width, whole.height) == (640, 480)
    box, same = (np.array(one.tracks[0].boxes).mean(axis=0) for one in (whole, half))
    assert np.abs(box - same).max() < 15
    nose, same = (np.array(one.tracks[0].landmarks)[:, 2].mean(axis=0) for one in (whole, half))
    assert np.abs(nose - same).max() < 15


def test_frames_that_would_have_to_be_tiny_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MEMORY", 64 * 48 * 30)
    path = write_video(tmp_path / "video.mp4", greys(20))
    with pytest.raises(VideoError, match="64 × 48 pixels need too much memory"):
        decode.read(path, FaceConfig())


def test_a_narrow_frame_is_refused_only_if_it_is_large(tmp_path: Path) -> None:
    write_image(tmp_path / "large.png", 50_000, 100)
    write_image(tmp_path / "small.png", 8192, 64)
    with pytest.raises(VideoError, match="the longer side is too long"):
        decode.read(tmp_path / "large.png", FaceConfig())
    assert decode.read(tmp_path / "small.png", FaceConfig()).images[0].shape == (64, 8192, 3)


def test_frames_do_not_grow_midway_beyond_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MIDWAY", 1)
    path = tmp_path / "both.ts"
    for count, size in ((30, (96, 128)), (8, (640, 640))):
        part = write_with_sound(tmp_path / "part.ts", greys(count, *size), seconds=1)
        path.write_bytes((path.read_bytes() if path.exists() else b"") + part.read_bytes())
    frames = decode.read(path, FaceConfig())
    assert frames.detail == f"damaged: {frames.decoded} of 38 frames could be decoded"
    assert 20 < frames.decoded <= 30
    assert {image.shape for image in frames.images} == {(96, 128, 3)}


def test_endless_packets_are_not_counted_to_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packets, "MAX_FRAMES", 9)
    with pytest.raises(VideoError, match="more than 9 frames"):
        decode.read(write_video(tmp_path / "video.mp4", greys(10)), FaceConfig())
