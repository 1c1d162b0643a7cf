"""Seconds are those at which a frame is shown, whatever the mean rate of the file."""

from pathlib import Path

import pytest

from common.preprocessing import DECODERS, FaceConfig
from faces import decode
from faces.frames import Frames
from faces.sampling import WHOLE, Span, windows
from faces.timeline import Timeline
from tests.helpers.video_files import grey_index, greys, write_at

HEIGHT, WIDTH = 96, 128
# Ten frames in one second, then one every five seconds: a recording of a screen.
TENTHS = [*range(10), *range(10, 510, 50)]

decoders = pytest.mark.parametrize("decoder", DECODERS)


def recorded(path: Path) -> Path:
    return write_at(path, greys(20, HEIGHT, WIDTH), TENTHS, unit=10)


def read_windows(path: Path, wanted: int, span: Span, decoder: str = "pyav") -> list[Frames]:
    config = FaceConfig(frames_per_video=wanted, decoder=decoder)
    return list(decode.read_windows(path, config, span))


@decoders
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_frames_of_a_varying_rate_have_the_times_at_which_they_are_shown(
    tmp_path: Path, ending: str, decoder: str
) -> None:
    (frames,) = read_windows(recorded(tmp_path / f"a.{ending}"), 20, WHOLE, decoder)
    assert [grey_index(image) for image in frames.images] == list(range(20))
    assert frames.seconds == pytest.approx([tenth / 10 for tenth in TENTHS], abs=0.002)
    assert frames.timeline.seconds == pytest.approx(48.4, abs=0.1)


@decoders
def test_a_limit_is_one_of_time_where_the_rate_varies(tmp_path: Path, decoder: str) -> None:
    (frames,) = read_windows(recorded(tmp_path / "a.mp4"), 20, Span(limit=11), decoder)
    assert frames.indices == list(range(12)), "frame 12 is shown at 11 s"


def test_windows_are_of_equal_time_where_the_rate_varies(tmp_path: Path) -> None:
    found = read_windows(recorded(tmp_path / "a.mp4"), 2, Span(window=16.2))
    assert [frames.indices for frames in found] == [[3, 10], [14, 16], [17, 19]]


def test_windows_with_few_frames_are_joined() -> None:
    times = [tenth / 10 for tenth in TENTHS]
    found = windows(Timeline(20, 0.0, times), 4, Span(window=5))
    assert [len(window) for window in found] == [12, 4, 4]
    assert found[0].start == 0
    assert found[-1].stop == 20


def test_a_rate_that_is_stated_wrongly_is_not_believed() -> None:
    """Browsers record with a stated rate of 1000."""
    timeline = Timeline(300, 1000.0, [i / 30 for i in range(300)])
    assert timeline.seconds == pytest.approx(10)
    assert [len(window) for window in windows(timeline, 8, Span(window=5))] == [150, 150]


def test_a_steady_rate_gives_the_windows_of_the_stated_rate() -> None:
    """Times in whole milliseconds, as in Matroska, move no window."""
    times = [round(i * 1001 / 30000, 3) for i in range(1000)]
    span = Span(window=7, limit=30)
    assert windows(Timeline(1000, 30000 / 1001, times), 8, span) == windows(
        Timeline(1000, 30000 / 1001), 8, span
    )


@pytest.mark.parametrize("times", [(), (0.0,)])
def test_nothing_is_known_without_times_and_rate(times: tuple[float, ...]) -> None:
    timeline = Timeline(9, 0.0, times)
    assert timeline.seconds == 0.0
    assert timeline.second(5) is None
    assert windows(timeline, 2, Span(window=0.1, limit=0.2)) == [range(9)]
