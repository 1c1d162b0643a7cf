"""Images are what a viewer shows: upright, not mirrored, not stretched, not grey."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces import decode, hdr
from faces.frames import Frames
from tests.helpers.video_files import grey_index, greys, turn, write_video, write_with_sound

HEIGHT, WIDTH = 96, 192
PICTURE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
PICTURE[: HEIGHT // 2, : WIDTH // 2] = (220, 20, 20)
PICTURE[: HEIGHT // 2, WIDTH // 2 :] = (20, 220, 20)
PICTURE[HEIGHT // 2 :, : WIDTH // 2] = (20, 20, 220)

# Exif orientation (CIPA DC-008): how the picture is stored, and the a, b, c, d of the matrix that
# brings it back: (x, y) → (ax + cy, bx + dy).
STORED = {
    1: (PICTURE, (1, 0, 0, 1)),
    2: (PICTURE[:, ::-1], (-1, 0, 0, 1)),
    3: (PICTURE[::-1, ::-1], (-1, 0, 0, -1)),
    4: (PICTURE[::-1], (1, 0, 0, -1)),
    5: (PICTURE.swapaxes(0, 1), (0, 1, 1, 0)),
    6: (np.rot90(PICTURE), (0, 1, -1, 0)),
    7: (PICTURE[::-1, ::-1].swapaxes(0, 1), (0, -1, -1, 0)),
    8: (np.rot90(PICTURE, 3), (0, -1, 1, 0)),
}
orientations = pytest.mark.parametrize("number", STORED)


def read(path: Path, **more: int | str) -> Frames:
    return decode.read(path, FaceConfig(**{"frames_per_video": 4, **more}))


def same(image: np.ndarray, other: np.ndarray) -> bool:
    return image.shape == other.shape and np.abs(image.astype(int) - other).mean() < 4


@orientations
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tiff"])
def test_images_are_upright_in_all_orientations_of_exif(
    tmp_path: Path, number: int, ending: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = number
    path = tmp_path / f"image.{ending}"
    Image.fromarray(np.ascontiguousarray(STORED[number][0])).save(path, exif=exif)
    assert same(read(path).images[0], PICTURE)


@orientations
def test_videos_are_upright_by_the_whole_display_matrix(tmp_path: Path, number: int) -> None:
    image, (a, b, c, d) = STORED[number]
    path = write_video(tmp_path / "video.mp4", [np.ascontiguousarray(image)] * 4)
    one = 1 << 16
    turn(path, struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30))
    for frames in (read(path), read(path, sampling="keyframe", run_frames=2)):
        assert all(same(image, PICTURE) for image in frames.images)


@pytest.mark.parametrize(("degrees", "quarters"), [(10, 0), (80, 3), (100, 3), (179, 2), (-80, 1)])
def test_other_angles_are_rounded_to_quarters(tmp_path: Path, degrees: int, quarters: int) -> None:
    """`degrees` are clockwise, `quarters` anticlockwise."""
    path = write_video(tmp_path / "video.mp4", [PICTURE] * 2)
    sine, cosine = (round(65536 * f(np.radians(degrees))) for f in (np.sin, np.cos))
    turn(path, struct.pack(">9i", cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30))
    assert same(read(path).images[0], np.rot90(PICTURE, quarters))


def test_a_matrix_of_zeros_turns_nothing(tmp_path: Path) -> None:
    path = turn(write_video(tmp_path / "video.mp4", [PICTURE] * 2), bytes(36))
    assert same(read(path).images[0], PICTURE)


def write_tagged(path: Path, images: list[np.ndarray], aspect: Fraction = Fraction(1)) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("aspect", "size"),
    [("2/1", (96, 384)), ("64/45", (96, 273)), ("1/2", (192, 192)), ("3/4", (128, 192))],
)
def test_pixels_are_square_and_none_is_lost(
    tmp_path: Path, aspect: str, size: tuple[int, int]
) -> None:
    path = write_tagged(tmp_path / "wide.mp4", [PICTURE] * 3, Fraction(aspect))
    expected = cv2.resize(PICTURE, size[::-1], interpolation=cv2.INTER_NEAREST)
    assert same(read(path).images[0], expected)


def test_what_decord_would_show_stretched_is_refused(tmp_path: Path) -> None:
    path = write_tagged(tmp_path / "wide.mp4", [PICTURE] * 3, Fraction(2))
    with pytest.raises(VideoError, match="use --decoder pyav"):
        read(path, decoder="decord")


def test_a_turned_video_has_square_pixels_too(tmp_path: Path) -> None:
    path = turn(write_tagged(tmp_path / "tall.mp4", [PICTURE] * 3, Fraction(2)))
    assert read(path).images[0].shape == (384, 96, 3)


def joined(tmp_path: Path, *parts: list[np.ndarray]) -> Path:
    path = tmp_path / "both.ts"
    for images in parts:
        part = write_with_sound(tmp_path / "part.ts", images, seconds=1)
        path.write_bytes((path.read_bytes() if path.exists() else b"") + part.read_bytes())
    return path


def test_a_size_that_changes_midway_is_padded_and_not_squeezed(tmp_path: Path) -> None:
    path = joined(tmp_path, greys(10, 96, 128), greys(10, 192, 96))
    frames = read(path, frames_per_video=20)
    assert {image.shape for image in frames.images} == {(96, 128, 3)}
    assert [grey_index(image) for image in frames.images[:10]] == list(range(10))
    assert [grey_index(image[:, 42:86]) for image in frames.images[10:]] == list(range(10))
    for image in frames.images[10:]:
        assert image[:, :38].max() < 9 and image[:, 90:].max() < 9


def test_a_size_that_changes_midway_in_proportion_fills_the_image(tmp_path: Path) -> None:
    path = joined(tmp_path, greys(10, 96, 128), greys(10, 192, 256))
    frames = read(path, frames_per_video=20)
    assert {image.shape for image in frames.images} == {(96, 128, 3)}
    assert [grey_index(image) for image in frames.images] == [*range(10), *range(10)]


PQ, HLG, BT2020 = 16, 18, 14  # transfer curves (ITU-T H.273)


def grey(value: float) -> np.ndarray:
    """A grey image with a value in [0, 1]."""
    return np.full((80, 2, 3), round(65535 * value), np.uint16)


@pytest.mark.parametrize(
    ("curve", "value", "expected"),
    [
        (PQ, 0.0, 0),
        (PQ, 0.3609, 255 * 0.1 ** (1 / 2.4)),  # 20.3 cd/m², a tenth of white
        (PQ, 0.7518, 255),  # 1000 cd/m², the peak
        (PQ, 1.0, 255),
        (HLG, 0.0, 0),
        (HLG, 1.0, 255),
        (BT2020, 0.0, 0),
        (BT2020, 0.5, 127.5),
        (BT2020, 1.0, 255),
    ],
)
def test_grey_levels_of_hdr_have_their_known_values(
    curve: int, value: float, expected: float
) -> None:
    image = hdr.to_sdr(grey(value), curve)
    assert image.shape == (80, 2, 3) and image.dtype == np.uint8
    assert np.abs(image - expected).max() <= 1.5


def test_reference_white_looks_alike_in_pq_and_hlg() -> None:
    """58 % of PQ and 75 % of HLG are both 203 cd/m² (BT.2408)."""
    levels = [int(hdr.to_sdr(grey(v), c)[0, 0, 0]) for v, c in ((0.5807, PQ), (0.75, HLG))]
    assert abs(levels[0] - levels[1]) <= 2
    assert 215 < levels[0] < 250, "below the white of the image, for highlights"


def test_colours_of_bt_2020_become_those_of_bt_709() -> None:
    red_of_709 = np.array([0.0164, 0.0691, 0.6274])  # in light of BT.2020: blue, green, red
    image = np.tile(np.round(65535 * red_of_709 ** (1 / 2.4)), (4, 4, 1)).astype(np.uint16)
    blue, green, red = hdr.to_sdr(image, BT2020)[0, 0].tolist()
    assert red >= 254 and green <= 12 and blue <= 12


@pytest.mark.parametrize(("curve", "toned"), [(1, False), (PQ, True), (HLG, True)])
def test_ten_bits_are_toned_only_if_they_are_hdr(tmp_path: Path, curve: int, toned: bool) -> None:
    path = tmp_path / "ten.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p10le"
        stream.codec_context.color_trc = curve
        image = np.full((96, 128, 3), round(0.3609 * 65535), np.uint16)
        frame = av.VideoFrame.from_ndarray(image, format="rgb48le").reformat(format="yuv420p10le")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    level = float(read(path).images[0].mean())
    assert (abs(level - 0.3609 * 255) > 3) == toned
