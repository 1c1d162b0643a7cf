"""Both decoders must hand over exactly the frames asked for, in RGB and upright."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from common.errors import VideoError
from common.preprocessing import DECODERS, FaceConfig
from faces import decode, pyav_video, sampling
from faces.decode import READERS
from faces.frames import Frames
from faces.sampling import Span
from tests.helpers.video_files import (
    cut,
    cut_index,
    grey_index,
    greys,
    noisy,
    turn,
    write_as,
    write_at,
    write_sound,
    write_video,
    write_with_sound,
)

HEIGHT, WIDTH = 96, 128
RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)

decoders = pytest.mark.parametrize("decoder", DECODERS)


def read_frames(path: Path, wanted: int, decoder: str) -> Frames:
    return decode.read(path, FaceConfig(frames_per_video=wanted, decoder=decoder))


def corners(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Red top left, green top right, blue bottom left, black bottom right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = RED
    image[: height // 2, width // 2 :] = GREEN
    image[height // 2 :, : width // 2] = BLUE
    return image


def close(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 30)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 frames whose grey level tells their number."""
    return write_video(tmp_path_factory.mktemp("counted") / "counted.mp4", greys(30))


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames of about equal size in bytes, with the index at the start of the file."""
    images = noisy([np.full((HEIGHT, WIDTH, 3), 90, np.uint8)] * 20)
    return write_video(tmp_path_factory.mktemp("noise") / "noise.mp4", images)


def test_every_decoder_that_flags_offer_has_a_reader() -> None:
    assert set(READERS) == set(DECODERS)


@decoders
@pytest.mark.parametrize("wanted", [1, 4, 7, 30, 50])
def test_exactly_the_asked_frames_come(counted: Path, decoder: str, wanted: int) -> None:
    frames = read_frames(counted, wanted, decoder)
    assert frames.indices == sampling.uniform(30, wanted)
    assert [grey_index(image) for image in frames.images] == frames.indices
    assert all(image.dtype == np.uint8 for image in frames.images)
    assert (frames.timeline.total, frames.decoded, frames.timeline.fps, frames.detail) == (
        30,
        30,
        25.0,
        "",
    )


@decoders
def test_a_video_of_one_frame_gives_it(tmp_path: Path, decoder: str) -> None:
    frames = read_frames(write_video(tmp_path / "one.mp4", greys(1)), 6, decoder)
    assert frames.indices == [0]
    assert grey_index(frames.images[0]) == 0


@decoders
def test_frames_are_height_width_rgb(tmp_path: Path, decoder: str) -> None:
    image = read_frames(write_video(tmp_path / "c.mp4", [corners()] * 3), 1, decoder).images[0]
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert close(image[10, 10], RED)
    assert close(image[10, -10], GREEN)
    assert close(image[-10, 10], BLUE)


@decoders
def test_a_clip_marked_as_turned_comes_upright(tmp_path: Path, decoder: str) -> None:
    """Turned by 90° clockwise, the bottom left corner is the top left one."""
    path = turn(write_video(tmp_path / "turned.mp4", [corners(96, 192)] * 4))
    image = read_frames(path, 2, decoder).images[0]
    assert image.shape == (192, 96, 3)
    assert close(image[10, 10], BLUE)
    assert close(image[10, -10], RED)
    assert close(image[-10, -10], GREEN)


@pytest.mark.parametrize("turned", [False, True])
def test_decoders_agree_on_size_and_pixels(tmp_path: Path, turned: bool) -> None:
    path = write_video(tmp_path / "clip.mp4", [corners(96, 192)] * 5)
    if turned:
        turn(path)
    one, other = (read_frames(path, 3, decoder) for decoder in DECODERS)
    assert one.indices == other.indices
    for image, same in zip(one.images, other.images, strict=True):
        assert image.shape == same.shape
        assert np.abs(image.astype(int) - same).mean() < 3


@decoders
@pytest.mark.parametrize("width", [16, 48])
def test_narrow_frames_keep_three_channels(tmp_path: Path, decoder: str, width: int) -> None:
    path = write_video(tmp_path / "narrow.mp4", [corners(80, width)] * 3)
    image = read_frames(path, 1, decoder).images[0]
    assert image.shape == (80, width, 3)
    assert close(image[10, 3], RED)


@decoders
def test_an_empty_file_is_a_video_error(tmp_path: Path, decoder: str) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match="empty"):
        read_frames(tmp_path / "empty.mp4", 6, decoder)


@decoders
def test_a_folder_is_a_video_error(tmp_path: Path, decoder: str) -> None:
    with pytest.raises(VideoError, match="not a file"):
        read_frames(tmp_path, 6, decoder)


@decoders
def test_text_is_a_video_error(tmp_path: Path, decoder: str) -> None:
    (tmp_path / "text.mp4").write_text("not a video\n" * 50)
    with pytest.raises(VideoError):
        read_frames(tmp_path / "text.mp4", 6, decoder)


@decoders
def test_a_lost_index_is_a_video_error(tmp_path: Path, decoder: str) -> None:
    whole = write_video(tmp_path / "whole.mp4", greys(20), index_first=False)
    with pytest.raises(VideoError):
        read_frames(cut_index(whole, tmp_path / "cut.mp4"), 6, decoder)


@decoders
def test_sound_alone_is_a_video_error(tmp_path: Path, decoder: str) -> None:
    with pytest.raises(VideoError):
        read_frames(write_sound(tmp_path / "sound.mp4"), 6, decoder)


def test_a_lost_tail_costs_only_the_tail(tmp_path: Path, noise: Path) -> None:
    frames = read_frames(cut(noise, tmp_path / "cut.mp4", 0.75), 6, "pyav")
    assert frames.timeline.total == 20
    assert 10 <= frames.decoded < 20
    assert frames.detail == f"damaged: {frames.decoded} of 20 frames could be decoded"
    assert frames.indices == [i for i in sampling.uniform(20, 6) if i < frames.decoded]
    assert len(frames.images) == len(frames.indices)
    assert all(abs(float(image.mean()) - 95.5) < 4 for image in frames.images)


def test_decord_refuses_a_file_whose_tail_is_lost(tmp_path: Path, noise: Path) -> None:
    with pytest.raises(VideoError):
        read_frames(cut(noise, tmp_path / "cut.mp4", 0.75), 6, "decord")


@decoders
def test_a_file_with_most_of_it_lost_is_a_video_error(
    tmp_path: Path, noise: Path, decoder: str
) -> None:
    with pytest.raises(VideoError):
        read_frames(cut(noise, tmp_path / "cut.mp4", 0.2), 6, decoder)


@decoders
@pytest.mark.parametrize("name", ["-dash.mp4", "a:b.mp4", "img_001.mp4", "50%d off.mp4", "ü.mp4"])
def test_odd_file_names_are_only_names(
    tmp_path: Path, counted: Path, monkeypatch: pytest.MonkeyPatch, decoder: str, name: str
) -> None:
    """Named relative to the current folder, where FFmpeg would see a flag, protocol or pattern."""
    (tmp_path / name).write_bytes(counted.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert read_frames(Path(name), 3, decoder).timeline.total == 30


@pytest.mark.parametrize("ending", ["mkv", "ts", "mp4"])
def test_sound_that_is_longer_than_the_picture_adds_no_frames(tmp_path: Path, ending: str) -> None:
    """Matroska and MPEG-TS hold no number of frames; duration times rate would be 125 here."""
    path = write_with_sound(tmp_path / f"long.{ending}", greys(25), seconds=5)
    frames = read_frames(path, 5, "pyav")
    assert frames.timeline.total == 25
    assert frames.detail == ""
    assert [grey_index(image) for image in frames.images] == sampling.uniform(25, 5)


def test_decord_does_not_open_a_file_that_declares_endless_frames(tmp_path: Path) -> None:
    """It would reserve memory for all of them, and abort the process."""
    path = write_as(tmp_path / "endless.avi", greys(3, 96, 128), "mjpeg", "yuvj420p")
    data = bytearray(path.read_bytes())
    start = data.index(b"strh") + 8
    data[start + 32 : start + 36] = (2**31 - 1).to_bytes(4, "little")  # its length in frames
    path.write_bytes(data)
    with pytest.raises(VideoError, match="more than 10,000,000 frames"):
        read_frames(path, 3, "decord")
    assert "damaged" not in read_frames(path, 3, "pyav").detail


def test_a_hole_in_the_middle_ends_what_is_known_of_the_video(tmp_path: Path) -> None:
    """Frames after it would carry the numbers of others."""
    path = write_as(tmp_path / "hole.avi", greys(30, 96, 128), "mjpeg", "yuvj420p")
    data = path.read_bytes()
    movie = data.index(b"movi")
    starts = [i for i in range(movie, len(data)) if data[i : i + 4] == b"00dc"][:30]
    holed = bytearray(data)
    for start, end in pairwise(starts[20:25]):
        holed[start + 8 : end] = bytes(end - start - 8)
    path.write_bytes(holed)
    frames = read_frames(path, 30, "pyav")
    assert frames.indices == list(range(20))
    assert [grey_index(image) for image in frames.images] == frames.indices
    assert frames.detail == "damaged: 20 of 30 frames could be decoded"


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4"])
def test_frames_that_were_dropped_in_recording_are_no_damage(tmp_path: Path, codec: str) -> None:
    """AVI stores an empty chunk for each, and counts it."""
    times = [*range(0, 20, 2), *range(40, 50)]
    path = write_at(tmp_path / "dropped.avi", greys(20, HEIGHT, WIDTH), times, codec)
    frames = read_frames(path, 20, "pyav")
    assert [grey_index(image) for image in frames.images] == list(range(20))
    assert (frames.timeline.total, frames.detail) == (20, "")
    assert frames.seconds == pytest.approx([time / 25 for time in times])


def test_an_avi_file_without_its_end_is_damaged(tmp_path: Path) -> None:
    images = noisy(greys(20, HEIGHT, WIDTH))
    whole = write_at(tmp_path / "whole.avi", images, list(range(20)), "mjpeg")
    frames = read_frames(cut(whole, tmp_path / "cut.avi", 0.75), 20, "pyav")
    assert frames.detail == f"damaged: {frames.decoded} of 20 frames could be decoded"
    assert frames.indices == list(range(frames.decoded))


def test_packets_without_a_frame_of_their_own_are_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of frames that are decoded and not shown, or that repeat the frame before."""
    path = write_video(tmp_path / "whole.mp4", greys(10))
    some = pyav_video._some

    def hiding(*given: object) -> object:
        return (item for item in some(*given) if item[0] not in (4, 9))

    monkeypatch.setattr(pyav_video, "_some", hiding)
    frames = read_frames(path, 10, "pyav")
    assert frames.indices == [0, 1, 2, 3, 5, 6, 7, 8]
    assert frames.detail == ""


def test_a_title_that_is_no_utf_8_does_not_matter(tmp_path: Path) -> None:
    images = greys(3, 96, 128)
    path = write_as(tmp_path / "titled.avi", images, "mjpeg", "yuvj420p", title="caf!")
    data = path.read_bytes()
    assert data.count(b"caf!") == 1
    path.write_bytes(data.replace(b"caf!", b"caf\xe9"))
    assert read_frames(path, 3, "pyav").indices == [0, 1, 2]


def with_key_frames(path: Path, count: int, every: int) -> Path:
    """`count` frames whose grey level tells their number, a key frame at every `every`th."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = HEIGHT, WIDTH
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "4", "g": str(every), "keyint_min": str(every), "bf": "2"}
        for image in greys(count, HEIGHT, WIDTH):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def key_frames(wanted: int, run: int) -> FaceConfig:
    return FaceConfig(frames_per_video=wanted, sampling="keyframe", run_frames=run)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_key_frame_runs_are_the_frames_that_they_say_they_are(tmp_path: Path, ending: str) -> None:
    path = with_key_frames(tmp_path / f"keys.{ending}", count=30, every=10)
    frames = decode.read(path, key_frames(wanted=8, run=4))
    assert frames.timeline.total == 30
    assert frames.indices == [*range(0, 4), *range(20, 24)], "two of the three key frames"
    assert [grey_index(image) for image in frames.images] == frames.indices


def test_key_frame_runs_are_no_longer_than_to_the_next_run(tmp_path: Path) -> None:
    path = with_key_frames(tmp_path / "keys.mp4", count=9, every=3)
    frames = decode.read(path, key_frames(wanted=15, run=5))
    assert frames.indices == list(range(9)), "each frame once"


def test_key_frame_runs_of_a_turned_video_are_upright(tmp_path: Path) -> None:
    path = turn(write_video(tmp_path / "turned.mp4", [corners()] * 4))
    upright = decode.read(path, FaceConfig(frames_per_video=2)).images[0]
    image = decode.read(path, key_frames(wanted=2, run=2)).images[0]
    assert image.shape == upright.shape == (WIDTH, HEIGHT, 3)
    assert np.abs(image.astype(int) - upright).mean() < 4


@pytest.mark.parametrize("content", [b"", b"not a video\n" * 50])
def test_key_frames_of_what_is_no_video_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(VideoError):
        decode.read(tmp_path / "bad.mp4", key_frames(wanted=2, run=2))


@decoders
def test_windows_are_sampled_each_on_its_own_and_cover_the_video(
    counted: Path, decoder: str
) -> None:
    config = FaceConfig(frames_per_video=4, decoder=decoder)
    found = list(decode.read_windows(counted, config, Span(window=0.4)))  # 30 frames, 25 a second
    assert [frames.indices for frames in found] == [
        [start + i for i in sampling.uniform(10, 4)] for start in (0, 10, 20)
    ]
    for frames in found:
        assert [grey_index(image) for image in frames.images] == frames.indices
        assert (frames.timeline.total, frames.detail) == (30, "")


def test_key_frames_are_looked_for_in_every_window(tmp_path: Path) -> None:
    path = with_key_frames(tmp_path / "keys.mp4", count=30, every=5)
    config = key_frames(wanted=4, run=4)
    found = list(decode.read_windows(path, config, Span(window=0.48)))
    assert [frames.indices for frames in found] == [
        [5, 6, 7, 8],
        [15, 16, 17, 18],
        [25, 26, 27, 28],
    ]
    for frames in found:
        assert [grey_index(image) for image in frames.images] == frames.indices


def test_the_first_seconds_alone_are_looked_at(counted: Path) -> None:
    config = FaceConfig(frames_per_video=4)
    (frames,) = decode.read_windows(counted, config, Span(limit=0.4))
    assert frames.indices == sampling.uniform(10, 4)


def test_windows_end_where_the_file_does_and_the_last_one_says_so(
    noise: Path, tmp_path: Path
) -> None:
    damaged = cut(noise, tmp_path / "cut.mp4", 0.75)
    config = FaceConfig(frames_per_video=3)
    found = list(decode.read_windows(damaged, config, Span(window=0.2)))  # four of five frames
    assert len(found) <= 4 and "frames could be decoded" in found[-1].detail
    assert not any(frames.detail for frames in found[:-1])
    much = cut(noise, tmp_path / "half.mp4", 0.3)
    with pytest.raises(VideoError, match="only"):
        list(decode.read_windows(much, config, Span(window=0.2)))
