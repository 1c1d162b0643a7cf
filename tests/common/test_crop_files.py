"""A track's crops are read alike from a folder, a tar file, a piece of one, and a URL."""

import io
import tarfile
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import crop_files
from common.crop_files import Location
from common.errors import DataError

JPEGS = [b"first", b"", b"third" * 300]


def packed(prefix: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for index in (1, 2, 0):  # in another order than time's
            crop_files.add_member(tar, f"{prefix}{index:07d}.jpg", JPEGS[index])
        crop_files.add_member(tar, f"{prefix}json", b"{}")
        end = tar.offset
    return buffer.getvalue()[:end]


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """The same three crops in every way."""
    (tmp_path / "folder").mkdir()
    for index, data in enumerate(JPEGS):
        (tmp_path / "folder" / f"{index:07d}.jpg").write_bytes(data)
    (tmp_path / "track_0.tar").write_bytes(packed() + bytes(1024))
    other, ours = packed("é/other."), packed("long" * 60 + "/ours.")
    (tmp_path / "shard.tar").write_bytes(other + ours + other + bytes(1024))
    piece = f"shard.tar#{len(other)}+{len(ours)}"
    fsspec.filesystem("memory").pipe_file("/crops/shard.tar", other + ours + other)
    return {
        "folder": "folder",
        "tar": "track_0.tar",
        "piece": piece,
        "url": f"memory://crops/{piece}",
        "file_url": f"file://{tmp_path}/{piece}",
    }


@pytest.mark.parametrize("way", ["folder", "tar", "piece", "url", "file_url"])
def test_every_way_gives_the_same_bytes_in_times_order(
    tmp_path: Path, places: dict[str, str], way: str
) -> None:
    assert crop_files.read(tmp_path, places[way], 3) == JPEGS
    assert crop_files.read(tmp_path, places[way], 3, slice(1, 3)) == JPEGS[1:]


@pytest.mark.parametrize("way", ["folder", "tar", "piece", "url"])
def test_another_number_of_crops_than_expected_is_an_error(
    tmp_path: Path, places: dict[str, str], way: str
) -> None:
    with pytest.raises(DataError, match="holds 3 crops, the manifest says 4"):
        crop_files.read(tmp_path, places[way], 4)


@pytest.mark.parametrize(
    "crops",
    [
        "gone",
        "gone.tar#0+512",
        "track_0.tar#512000+512",
        "track_0.tar#7+512",
        "memory://crops/gone.tar#0+512",
        "unknown://crops/gone.tar#0+512",
        "reference://a::file:///etc/passwd#0+512",
        "track_0.tar#0+999999999999999",
        f"track_0.tar#0+{'9' * 5000}",
        "track\0.tar",
    ],
)
def test_crops_that_cannot_be_read_are_one_line(
    tmp_path: Path, places: dict[str, str], crops: str
) -> None:
    with pytest.raises(DataError) as caught:
        crop_files.read(tmp_path, crops, 3)
    assert crops.partition("#")[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cut_tar_file_is_damaged(tmp_path: Path, places: dict[str, str]) -> None:
    path = tmp_path / "track_0.tar"
    assert crop_files.count_crops(path) == 4
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="track_0"):
        crop_files.read(tmp_path, "track_0.tar", 3)
    with pytest.raises(tarfile.TarError):
        crop_files.count_crops(path)


@given(st.text(min_size=1), st.integers(0, 10**15 - 1), st.integers(0, 10**15 - 1))
def test_a_place_survives_being_written_down(file: str, start: int, length: int) -> None:
    assert crop_files.parse(str(Location(file, start, length))) == Location(file, start, length)


def test_the_same_crops_give_the_same_bytes() -> None:
    assert packed() == packed()
