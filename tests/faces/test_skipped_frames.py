"""Leaving out frames that nothing is predicted from must change no frame that is looked at."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces import decode, pyav_video, sampling
from faces.sampling import WHOLE, Span

COUNT, HEIGHT, WIDTH = 60, 96, 128


def pictures(count: int = COUNT, seed: int = 0) -> list[np.ndarray]:
    """Something that moves, so that frames are predicted from one another."""
    wall = np.random.default_rng(seed).integers(0, 255, (HEIGHT // 8 + 2, 80, 3))
    wall = np.kron(wall, np.ones((8, 8, 1))).astype(np.uint8)
    return [wall[:HEIGHT, 3 * i : 3 * i + WIDTH].copy() for i in range(count)]


def write(path: Path, codec: str = "libx264", start: int = 0, **more: dict[str, str] | int) -> Path:
    with av.open(str(path), "w", options=more.get("container", {})) as container:
        stream = container.add_stream(codec, rate=30)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        stream.options = more.get("options", {"x264-params": "bframes=3:keyint=20"})
        if codec != "libx264":
            stream.codec_context.max_b_frames = 2
        for number, image in enumerate(pictures(seed=start)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = start + number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_joined(path: Path) -> Path:
    """Two recordings one after the other; the second one's clock is behind."""
    parts = [write(path.with_name(f"{start}.ts"), start=start) for start in (300, 0)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


FRAGMENTS = {"movflags": "frag_keyframe"}
FILES = {
    "b_frames.mp4": write,
    "b_frames.mkv": write,
    "b_frames.ts": write,
    "b_frames.avi": write,  # which has no times
    "b_frames.flv": write,
    "old.avi": lambda path: write(path, "mpeg4", options={}),
    "old.mpg": lambda path: write(path, "mpeg2video", options={}),
    "fragments.mp4": lambda path: write(path, container=FRAGMENTS),
    "joined.ts": write_joined,
}


def every(path: Path) -> list[np.ndarray]:
    with pyav_video.every_frame(path) as video:
        return [image for _, image in video.images]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("wanted", [3, 7, 16, 500])
def test_sampled_frames_are_those_of_decoding_every_one(
    tmp_path: Path, name: str, wanted: int
) -> None:
    path = FILES[name](tmp_path / name)
    expected = every(path)
    frames = decode.read(path, FaceConfig(frames_per_video=wanted))
    assert frames.detail == ""
    assert frames.indices == sampling.uniform(len(expected), wanted)
    for index, image in zip(frames.indices, frames.images, strict=True):
        assert np.array_equal(image, expected[index]), index


def test_some_frames_are_indeed_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "b.mp4")
    seen = []
    some = pyav_video._some

    def watched(*given: object) -> object:
        for item in some(*given):
            seen.append(item)
            yield item

    monkeypatch.setattr(pyav_video, "_some", watched)
    decode.read(path, FaceConfig(frames_per_video=3))
    assert len(seen) < 0.8 * COUNT


def test_a_file_with_an_edit_list_is_whole(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4")
    path = tmp_path / "trimmed.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        step = round(1 / float(stream.average_rate * stream.time_base))
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - 30 * step, packet.dts - 30 * step
                packet.stream = copy
                target.mux(packet)
    frames = decode.read(path, FaceConfig(frames_per_video=8))
    expected = every(path)
    assert frames.detail == ""
    assert frames.timeline.total == len(expected)
    for index, image in zip(frames.indices, frames.images, strict=True):
        assert np.array_equal(image, expected[index])


def test_windows_without_a_key_frame_are_left_out_and_are_no_damage(tmp_path: Path) -> None:
    options = {"x264-params": "bframes=0:keyint=30:min-keyint=30:scenecut=0"}
    path = write(tmp_path / "sparse.mp4", options=options)
    config = FaceConfig(frames_per_video=4, sampling="keyframe", run_frames=4)
    (whole,) = decode.read_windows(path, config, WHOLE)
    assert whole.indices == [30, 31, 32, 33]
    found = list(decode.read_windows(path, config, Span(window=0.5)))
    assert [frames.indices[0] for frames in found] == [0, 30]


def test_a_stream_that_begins_later_is_an_unreadable_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "b.mp4")

    def demux(*_: object) -> object:
        raise IndexError("list index out of range")
        yield

    monkeypatch.setattr(av.container.InputContainer, "demux", demux, raising=False)
    with pytest.raises(VideoError, match="change midway"):
        decode.read(path, FaceConfig(frames_per_video=3))


def test_joined_recordings_are_looked_at_to_their_end(tmp_path: Path) -> None:
    path = write_joined(tmp_path / "joined.ts")
    frames = decode.read(path, FaceConfig(frames_per_video=16))
    assert frames.timeline.total == 2 * COUNT
    assert max(b - a for a, b in pairwise(frames.indices)) <= 9
