"""A file is a video by its own bytes alone; what is read of it is the film, and nothing beside."""

import os
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from common.errors import VideoError
from common.preprocessing import DECODERS, FaceConfig
from faces import containers, decode
from faces.frames import Frames
from tests.helpers.video_files import facts, grey_index, greys, write_as, write_streams, write_video

HEIGHT, WIDTH = 96, 128
# Of a Matroska file (RFC 9559): the identifier of its only segment, and its length if unknown.
SEGMENT, UNKNOWN_LENGTH = b"\x18\x53\x80\x67", b"\x01" + 7 * b"\xff"

decoders = pytest.mark.parametrize("decoder", DECODERS)


def read(path: Path, decoder: str = "pyav") -> Frames:
    return decode.read(path, FaceConfig(frames_per_video=8, decoder=decoder))


LISTS = {
    "concat": "ffconcat version 1.0\nfile whole.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nwhole.mp4\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet '
    'contentType="video"><Representation id="1"><BaseURL>whole.mp4</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "metadata": ";FFMETADATA1\ntitle=x\n",
    "subtitles": "1\n00:00:00,000 --> 00:00:01,000\nwhole.mp4\n",
}


@decoders
@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("ending", ["mp4", "m3u8", "mkv", "txt"])
def test_a_list_of_other_files_is_no_video(
    tmp_path: Path, kind: str, ending: str, decoder: str
) -> None:
    write_video(tmp_path / "whole.mp4", greys(4, HEIGHT, WIDTH))
    path = tmp_path / f"list.{ending}"
    path.write_text(LISTS[kind])
    with pytest.raises(VideoError):
        read(path, decoder)
    assert facts(path)["container"] == "not readable"


@decoders
def test_a_pattern_is_the_name_of_one_image(tmp_path: Path, decoder: str) -> None:
    for number, image in enumerate(greys(3, HEIGHT, WIDTH)):
        cv2.imwrite(str(tmp_path / f"frame_{number}.png"), image)
    pattern = tmp_path / "frame_%d.png"
    with pytest.raises(VideoError, match="not a file"):
        read(pattern, decoder)
    with pytest.raises(OSError, match="frame_%d"), containers.opened(pattern):
        pass


def test_an_image_with_the_name_of_a_pattern_is_read_alone(tmp_path: Path) -> None:
    for number, image in enumerate(greys(3, HEIGHT, WIDTH)):
        cv2.imwrite(str(tmp_path / f"frame_{number}.png"), image)
    cv2.imwrite(str(tmp_path / "frame_%d.png"), greys(8, HEIGHT, WIDTH)[7])
    frames = read(tmp_path / "frame_%d.png")
    assert [grey_index(image) for image in frames.images] == [7]


def test_no_format_is_allowed_that_names_files_or_devices() -> None:
    allowed = set(containers.OPTIONS["format_whitelist"].split(","))
    assert allowed <= set(av.formats_available)
    assert not allowed & {"concat", "dash", "hls", "image2pipe", "lavfi", "rtp", "rtsp", "sdp"}
    assert not allowed & {"imf", "tty", "v4l2", "vobsub", "webm_dash_manifest", "x11grab"}


def test_a_sparse_file_is_given_up_and_not_searched_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "MAX_GAP", 1 << 20)
    whole = write_as(tmp_path / "whole.mkv", greys(8, HEIGHT, WIDTH), "ffv1", "yuv420p")
    path = tmp_path / "sparse.mkv"
    # As in a recording that was interrupted, its length is unknown.
    data = bytearray(whole.read_bytes())
    start = data.index(SEGMENT) + len(SEGMENT)
    data[start : start + 8] = UNKNOWN_LENGTH
    path.write_bytes(data[: len(data) * 3 // 4])
    assert read(path).timeline.total > 0
    os.truncate(path, 1 << 40)
    with pytest.raises(VideoError, match="no picture in 1 MB"):
        read(path)


def test_a_position_before_the_file_is_left_to_ffmpeg(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A damaged file may refer to one; the error is FFmpeg's to deal with."""
    path = write_video(tmp_path / "video.mp4", greys(2, HEIGHT, WIDTH))
    with containers.opened(path) as video:
        (file,) = video.files
        assert file.seek(-5) < 0
        assert file.seek(7) == file.tell() == 7
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_the_film_is_read_and_not_its_cover(tmp_path: Path, ending: str) -> None:
    cover = np.full((240, 320, 3), 250, np.uint8)
    film = {"libx264": greys(5, HEIGHT, WIDTH)}
    frames = read(write_streams(tmp_path / f"film.{ending}", film, cover))
    assert [grey_index(image) for image in frames.images] == [0, 1, 2, 3, 4]
    assert frames.detail == ""


def test_a_cover_that_is_not_marked_as_one_is_not_the_film(tmp_path: Path) -> None:
    streams = {"mjpeg": greys(1, 240, 320), "libx264": greys(5, HEIGHT, WIDTH)}
    frames = read(write_streams(tmp_path / "film.mkv", streams))
    assert [grey_index(image) for image in frames.images] == [0, 1, 2, 3, 4]


def test_sound_with_a_cover_is_no_video(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "song.m4a.mp4", {}, greys(1, HEIGHT, WIDTH)[0])
    with pytest.raises(VideoError, match="only sound and a cover"):
        read(path)
    assert "resolution" not in facts(path)


def test_tiles_of_a_picture_are_not_passed_for_it() -> None:
    tiles = [SimpleNamespace(disposition=Disposition.dependent)] * 6
    container = SimpleNamespace(streams=SimpleNamespace(video=tiles))
    with pytest.raises(VideoError, match="several tiles"):
        containers.film(container)


def test_further_films_are_mentioned(tmp_path: Path) -> None:
    films = {"libx264": greys(5, HEIGHT, WIDTH), "mpeg4": greys(9, HEIGHT, WIDTH)}
    frames = read(write_streams(tmp_path / "two.mkv", films))
    assert frames.timeline.total == 5
    assert frames.detail == "only the first of its 2 films was read"
