"""Formats and names that a camera never writes and users still have: each has its status."""

import os
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from faces.detect import FaceDetector
from faces.extract import Extraction, extract_faces
from tests.helpers.video_files import noisy, turn, write_as, write_video

Images = list[np.ndarray]

NOBODY = 65534  # an unprivileged user


def write_varying_rate(path: Path, images: Images) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = 40 * number + 700 * (number // 6), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_garbage_inside(path: Path, images: Images) -> None:
    data = bytearray(write_video(path, noisy(images)).read_bytes())
    middle = len(data) // 2
    noise = np.random.default_rng(0).bytes(len(data) // 50)
    data[middle : middle + len(noise)] = noise
    path.write_bytes(data)


def write_zero_rate(path: Path, images: Images) -> None:
    """An AVI file whose headers say zero frames a second."""
    write_as(path, images, "mjpeg", "yuvj420p")
    data = bytearray(path.read_bytes())
    main, stream = data.index(b"avih") + 8, data.index(b"strh") + 8
    data[main : main + 4] = bytes(4)  # microseconds per frame
    data[stream + 20 : stream + 28] = bytes(8)  # scale and rate
    path.write_bytes(data)


def write_picture(path: Path, images: Images) -> None:
    path.write_bytes(cv2.imencode(".png", cv2.cvtColor(images[0], cv2.COLOR_RGB2BGR))[1].tobytes())


def link_to_itself(path: Path, images: Images) -> None:
    path.symlink_to(path)


def make_folder(path: Path, images: Images) -> None:
    path.mkdir()


def odd(images: Images) -> Images:
    return [image[:239, :319] for image in images]


def wide(images: Images) -> Images:
    return [np.full((64, 8192, 3), 90, np.uint8)] * 2


# File name → how it is written, and what it must come to: status, people.
CASES: dict[str, tuple[Callable[[Path, Images], object], str, int]] = {
    "ten_bit.mkv": (lambda p, i: write_as(p, i, "ffv1", "yuv420p10le"), "ok", 1),
    "full_chroma.mp4": (lambda p, i: write_as(p, i, "libx264", "yuv444p"), "ok", 1),
    "grey.mkv": (lambda p, i: write_as(p, i, "ffv1", "gray"), "ok", 1),
    "odd_size.mkv": (lambda p, i: write_as(p, odd(i), "ffv1", "yuv444p"), "ok", 1),
    "very_wide.mkv": (lambda p, i: write_as(p, wide(i), "ffv1", "yuv420p"), "no_face", 0),
    "motion_jpeg.avi": (lambda p, i: write_as(p, i, "mjpeg", "yuvj420p"), "ok", 1),
    "varying_rate.mkv": (write_varying_rate, "ok", 1),
    "zero_rate.avi": (write_zero_rate, "ok", 1),
    "no_ending": (lambda p, i: p.write_bytes(write_video(p, i).read_bytes()), "ok", 1),
    "ünï cödé 猫.mp4": (write_video, "ok", 1),
    "-leading dash.mp4": (write_video, "ok", 1),
    "a:b%03d.mp4": (write_video, "ok", 1),
    "garbage_inside.mp4": (write_garbage_inside, "ok", 1),
    "turned.mp4": (lambda p, i: turn(write_video(p, [np.rot90(x).copy() for x in i])), "ok", 1),
    "picture.mp4": (write_picture, "ok", 1),
    "link_to_itself.mp4": (link_to_itself, "unreadable", 0),
    "folder.mp4": (make_folder, "unreadable", 0),
}


@pytest.fixture(scope="module")
def extracted(
    tmp_path_factory: pytest.TempPathFactory,
    heads: list[list[np.ndarray]],
    detector: FaceDetector,
) -> dict[str, Extraction]:
    folder = tmp_path_factory.mktemp("odd")
    found = {}
    for name, (write, _, _) in CASES.items():
        write(folder / name, heads[0])
        found[name] = extract_faces(folder / name, detector)
    return found


@pytest.mark.parametrize("name", CASES)
def test_every_odd_video_has_its_status(extracted: dict[str, Extraction], name: str) -> None:
    _, status, people = CASES[name]
    extraction = extracted[name]
    assert (extraction.status, len(extraction.tracks)) == (status, people), extraction.detail


def test_a_turned_video_gives_an_upright_face(extracted: dict[str, Extraction]) -> None:
    (track,) = extracted["turned.mp4"].tracks
    for left_eye, right_eye, _, left_mouth, right_mouth in track.landmarks:
        assert max(left_eye[1], right_eye[1]) < min(left_mouth[1], right_mouth[1])


def test_a_varying_rate_loses_no_frame(extracted: dict[str, Extraction]) -> None:
    extraction = extracted["varying_rate.mkv"]
    assert extraction.total_frames == 12
    assert extraction.detail == ""


def test_a_file_that_may_not_be_read_says_so(
    heads: list[list[np.ndarray]], detector: FaceDetector
) -> None:
    with tempfile.TemporaryDirectory() as name:  # other users may not enter pytest's own folder
        folder = Path(name)
        folder.chmod(0o755)
        video = write_video(folder / "locked.mp4", heads[0])
        video.chmod(0)
        me = os.geteuid()
        if me == 0:  # root may read everything
            os.seteuid(NOBODY)
        try:
            extraction = extract_faces(video, detector)
        finally:
            os.seteuid(me)
    assert (extraction.status, extraction.detail) == ("unreadable", "no permission to read it")
