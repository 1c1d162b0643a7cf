"""Crops are squares around the face, whole even where the frame ends."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.preprocessing import crop_square
from faces.crop import cut, resize, to_jpeg


def gradient(height: int = 100, width: int = 120) -> np.ndarray:
    """Red tells the column, green the row."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None]
    return image


def test_the_margin_is_a_share_of_the_longer_side_on_every_side() -> None:
    assert crop_square(np.array([40.0, 30.0, 60.0, 70.0]), 0.25) == (20, 20, 60)


@st.composite
def boxes(draw: st.DrawFn) -> np.ndarray:
    left, top = draw(st.floats(-500, 4000)), draw(st.floats(-500, 4000))
    width, height = draw(st.floats(0, 2000)), draw(st.floats(0, 2000))
    return np.array([left, top, left + width, top + height])


@given(box=boxes(), margin=st.floats(0, 2))
def test_the_square_has_the_asked_side_and_the_centre_of_the_box(
    box: np.ndarray, margin: float
) -> None:
    left, top, side = crop_square(box, margin)
    asked = max(box[2] - box[0], box[3] - box[1]) * (1 + 2 * margin)
    assert side >= 1
    assert abs(side - asked) <= 1
    # A whole-pixel corner is at most half a pixel from where it should be.
    assert abs(left + side / 2 - (box[0] + box[2]) / 2) <= 0.5 + 1e-6
    assert abs(top + side / 2 - (box[1] + box[3]) / 2) <= 0.5 + 1e-6


def test_a_crop_inside_the_frame_is_that_part_of_it() -> None:
    image = gradient()
    crop = cut(image, np.array([30.0, 20.0, 62.0, 52.0]), 0.0, 32)
    np.testing.assert_array_equal(crop, image[20:52, 30:62])


def test_a_crop_over_the_edge_repeats_the_edge() -> None:
    image = gradient()
    crop = cut(image, np.array([-8.0, -16.0, 24.0, 16.0]), 0.0, 32)
    np.testing.assert_array_equal(crop[16:, 8:], image[:16, :24])
    assert (crop[:16, 8:] == image[0, :24]).all(), "rows above the frame repeat its first"
    assert (crop[16:, :8] == image[:16, :1]).all(), "columns left of it repeat its first"
    assert (crop[:16, :8] == image[0, 0]).all()


def test_a_crop_over_the_far_corner_repeats_that_corner() -> None:
    image = gradient(100, 120)
    crop = cut(image, np.array([110.0, 90.0, 142.0, 122.0]), 0.0, 32)
    np.testing.assert_array_equal(crop[:10, :10], image[90:, 110:])
    assert (crop[10:, 10:] == image[-1, -1]).all()


@pytest.mark.parametrize(
    "box",
    [
        [-300.0, -300.0, 500.0, 500.0],
        [119.0, 99.0, 119.2, 99.2],
        [500.0, 500.0, 540.0, 540.0],
        [10.0, 10.0, 10.0, 10.0],
    ],
    ids=["larger than the frame", "a pixel", "outside", "empty"],
)
@pytest.mark.parametrize("size", [16, 224])
def test_any_box_gives_a_crop_of_the_asked_size(box: list[float], size: int) -> None:
    crop = cut(gradient(), np.array(box), 0.3, size)
    assert crop.shape == (size, size, 3)
    assert crop.dtype == np.uint8


def test_a_shrunk_and_a_grown_crop_show_the_same_part() -> None:
    box = np.array([20.0, 10.0, 84.0, 74.0])
    for size in (32, 128):
        crop = cut(gradient(), box, 0.0, size).astype(int)
        assert abs(crop[0, 0, 0] - 20) <= 2
        assert abs(crop[-1, -1, 0] - 83) <= 2
        assert abs(crop[0, 0, 1] - 10) <= 2
        assert abs(crop[-1, -1, 1] - 73) <= 2


@pytest.mark.parametrize(("height", "width"), [(97, 203), (448, 448), (450, 901), (720, 1280)])
@pytest.mark.parametrize("size", [24, 48, 224])
def test_shrinking_is_the_mean_over_each_area(height: int, width: int, size: int) -> None:
    """In steps as at once, for RGB memory as for a view of BGR memory."""
    if size >= min(height, width):
        return
    smooth = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8), (0, 0), 4
    )
    at_once = cv2.resize(smooth, (size, size), interpolation=cv2.INTER_AREA).astype(int)
    view = np.ascontiguousarray(smooth[..., ::-1])[..., ::-1]
    for image in (smooth, view):
        shrunk = resize(image, size, size)
        assert shrunk.shape == (size, size, 3)
        assert np.abs(shrunk - at_once).mean() < 2


@pytest.mark.parametrize("size", [16, 61, 224])
def test_jpeg_keeps_size_and_colours(size: int) -> None:
    crop = np.full((size, size, 3), (200, 60, 20), np.uint8)
    data = to_jpeg(crop, 95)
    assert data[:2] == b"\xff\xd8"
    image = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), -1), cv2.COLOR_BGR2RGB)
    assert image.shape == (size, size, 3)
    assert np.abs(image.astype(int) - crop).max() <= 4


def test_a_lower_quality_takes_fewer_bytes() -> None:
    crop = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    assert len(to_jpeg(crop, 30)) < len(to_jpeg(crop, 95))
