"""Sampling looks at the whole video: the error it guards against is taking the first N frames."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faces.sampling import WHOLE, Span, uniform, windows
from faces.timeline import Timeline


def test_a_short_video_gives_every_frame_once() -> None:
    assert uniform(3, 8) == [0, 1, 2]
    assert uniform(8, 8) == list(range(8))


def test_a_long_video_gives_the_middles_of_equal_stretches() -> None:
    assert uniform(300, 3) == [50, 150, 250]
    assert uniform(10, 1) == [5]


@pytest.mark.parametrize("wanted", [1, 2, 32])
def test_one_frame_is_the_only_sample_of_a_picture(wanted: int) -> None:
    assert uniform(1, wanted) == [0]


def test_no_frames_give_no_samples() -> None:
    assert uniform(0, 4) == []


@given(total=st.integers(1, 1_000_000), wanted=st.integers(1, 300))
def test_samples_are_sorted_unique_in_range_and_as_many_as_asked(total: int, wanted: int) -> None:
    indices = uniform(total, wanted)
    assert len(indices) == min(total, wanted)
    assert indices == sorted(set(indices))
    assert indices[0] >= 0
    assert indices[-1] < total


@given(total=st.integers(1, 1_000_000), wanted=st.integers(1, 300))
def test_every_stretch_of_the_video_is_sampled(total: int, wanted: int) -> None:
    """Cut into as many equal stretches as there are samples, each stretch holds its own."""
    indices = uniform(total, wanted)
    count = len(indices)
    for stretch, index in enumerate(indices):
        starts_before_its_end = index * count < (stretch + 1) * total
        ends_after_its_start = (index + 1) * count > stretch * total
        assert starts_before_its_end and ends_after_its_start
    assert indices[0] < -(-total // count)
    assert indices[-1] >= total - -(-total // count)


@given(total=st.integers(1, 100_000), wanted=st.integers(1, 300))
def test_samples_are_evenly_spaced(total: int, wanted: int) -> None:
    indices = uniform(total, wanted)
    steps = {later - earlier for earlier, later in pairwise(indices)}
    assert not steps or max(steps) - min(steps) <= 1


@given(
    total=st.integers(0, 100_000),
    fps=st.sampled_from([0.0, 0.01, 23.976, 25.0, 90_000.0]),
    wanted=st.integers(1, 64),
    window=st.floats(0.1, 1000),
    limit=st.floats(0.1, 1000) | st.just(float("inf")),
)
def test_windows_follow_each_other_and_are_long_enough_to_look_at(
    total: int, fps: float, wanted: int, window: float, limit: float
) -> None:
    found = windows(Timeline(total, fps), wanted, Span(window, limit))
    assert found[0].start == 0
    assert all(one.stop == other.start for one, other in pairwise(found))
    end = found[-1].stop
    assert end == total or end > limit * fps - 1 > -1
    assert end <= max(1, limit * fps + 1e-5) or not fps
    if len(found) > 1:
        assert min(map(len, found)) >= wanted
        assert max(map(len, found)) - min(map(len, found)) <= 1
    if fps and end >= wanted * (end / fps / window + 1):
        assert max(map(len, found)) <= window * fps + 1


@pytest.mark.parametrize("fps", [30000 / 1001, 24000 / 1001, 60000 / 1001, 25.0])
def test_a_limit_makes_no_window_more_than_it_holds(fps: float) -> None:
    for seconds, window in ((60, 60), (600, 30), (2, 1)):
        span = Span(window=window, limit=seconds)
        assert len(windows(Timeline(10**6, fps), 8, span)) == seconds // window


def test_the_whole_video_is_one_window() -> None:
    assert windows(Timeline(216_000, 30.0), 32, WHOLE) == [range(216_000)]
    assert windows(Timeline(3000, 30.0), 32, Span(window=40)) == [
        range(1000),
        range(1000, 2000),
        range(2000, 3000),
    ]
