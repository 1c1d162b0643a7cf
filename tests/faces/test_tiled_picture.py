"""Photos of phones, which consist of tiles, are read whole and upright."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import VideoError
from common.preprocessing import DECODERS, SAMPLINGS, FaceConfig
from faces import decode, limits, tiled_picture
from faces.detect import FaceDetector
from faces.extract import extract_faces
from tests.helpers.tiled_heic import write_tiled

TILE = 64


def coloured() -> np.ndarray:
    """An image of 2 × 3 tiles, each of another grey."""
    greys = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40 + 20
    return np.repeat(np.kron(greys, np.ones((TILE, TILE), np.uint8))[..., None], 3, axis=2)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("turns", range(4))
def test_all_tiles_are_joined_and_turned(
    tmp_path: Path, decoder: str, sampling: str, turns: int
) -> None:
    path = write_tiled(tmp_path / "photo.heic", coloured(), TILE, turns)
    frames = decode.read(path, FaceConfig(decoder=decoder, sampling=sampling))
    (image,) = frames.images
    expected = np.rot90(coloured(), turns)
    assert image.shape == expected.shape
    middles = np.s_[TILE // 2 :: TILE, TILE // 2 :: TILE]
    assert image[middles] == pytest.approx(expected[middles], abs=4)
    assert (frames.indices, frames.timeline.total, frames.codec) == ([0], 1, "hevc")


def test_a_face_across_the_tiles_is_one_person(
    tmp_path: Path, heads: list[list[np.ndarray]], detector: FaceDetector
) -> None:
    frame = heads[0][0][:192, 32:288]  # (192, 256, 3)
    extraction = extract_faces(write_tiled(tmp_path / "photo.heic", frame, TILE), detector)
    assert (extraction.status, extraction.width, extraction.height) == ("ok", 256, 192)
    assert len(extraction.tracks) == 1


def test_frames_of_a_folder_and_every_frame_are_read_so_too(tmp_path: Path) -> None:
    for number in range(3):
        write_tiled(tmp_path / f"{number}.heic", coloured(), TILE)
    assert len(decode.read(tmp_path, FaceConfig(frames_per_video=3)).images) == 3
    with decode.every_frame(tmp_path / "0.heic") as video:
        assert [image.shape for _, image in video.images] == [coloured().shape]


def test_a_picture_of_one_part_is_left_to_ffmpeg(tmp_path: Path) -> None:
    for ending in ("heic", "avif", "jpg"):
        path = tmp_path / f"photo.{ending}"
        Image.fromarray(coloured()).save(path)
        assert not tiled_picture.is_tiled(path)


def test_a_high_dynamic_range_is_named(tmp_path: Path) -> None:
    for curve, note in ((1, ""), (16, "high dynamic range (PQ), not tone-mapped"), (18, "HLG")):
        path = write_tiled(tmp_path / "photo.heic", coloured(), TILE, curve=curve)
        detail = decode.read(path, FaceConfig()).detail
        assert note in detail and bool(note) == bool(detail)


def test_damage_and_too_many_pixels_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiled(tmp_path / "photo.heic", coloured(), TILE)
    content = path.read_bytes()
    cut = tmp_path / "cut.heic"
    cut.write_bytes(content[:-300])
    with pytest.raises(VideoError, match="damaged picture of several tiles"):
        decode.read(cut, FaceConfig())
    huge = tmp_path / "huge.heic"
    sides = coloured().shape[1].to_bytes(4, "big") + coloured().shape[0].to_bytes(4, "big")
    huge.write_bytes(content.replace(sides, b"\0\x01\0\0\0\x01\0\0"))
    with pytest.raises(VideoError, match=r"damaged|too much memory"):
        decode.read(huge, FaceConfig())
    monkeypatch.setattr(limits, "MEMORY", 100_000)
    with pytest.raises(VideoError, match="192 × 128 pixels needs too much memory"):
        decode.read(path, FaceConfig())
