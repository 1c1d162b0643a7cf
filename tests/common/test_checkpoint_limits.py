"""A checkpoint that declares more than its file contains is refused before it takes memory."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from common import checkpoint_limits, checkpointing
from common.errors import CheckpointError
from tests.common.test_checkpointing import small

HUGE = 10**12  # elements: no computer has the memory for them


def refuse(path: Path, words: str) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        checkpointing.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def saved(folder: Path, **changes: Any) -> Path:
    path = folder / "a.pt"
    checkpointing.save(path, small(1))
    torch.save(torch.load(path, weights_only=True) | changes, path)
    return path


def packed_again(path: Path, compression: int) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def nested(depth: int, width: int) -> object:
    """Return lists within each other, with `width` references to the same inner list."""
    value: object = 1
    for _ in range(depth):
        value = [value] * width
    return value


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(1).expand(HUGE),
        torch.zeros(4).as_strided((HUGE, 4), (0, 1)),
        torch.zeros(200).as_strided((90, 90), (1, 1)),
        torch.zeros(1, dtype=torch.int64).expand(2, 1),
    ],
    ids=["one value", "one row", "overlapping rows", "integers"],
)
def test_tensors_that_repeat_their_elements_are_refused(
    tmp_path: Path, tensor: torch.Tensor
) -> None:
    refuse(saved(tmp_path, weights={"w": tensor}), "repeats its elements")
    refuse(saved(tmp_path, training={"optimizer": [{"x": tensor}]}), "repeats its elements")


def test_many_tensors_with_the_same_bytes_are_refused(tmp_path: Path) -> None:
    tensor = torch.zeros(10_000)
    weights = {str(number): tensor for number in range(100)}
    refuse(saved(tmp_path, weights=weights), "its tensors are larger than the file")
    checkpointing.load(saved(tmp_path, weights={"a": tensor, "tied": tensor}))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (bytearray(10), "refers to __builtin__ bytearray"),
        ({1, 2}, "refers to __builtin__ set"),
        (torch.Size([2]), "refers to torch Size"),
        (torch.zeros(2).to_sparse(), "refers to torch"),
        (torch.zeros(2, dtype=torch.complex64), "refers to torch ComplexFloatStorage"),
        (torch.zeros(2, dtype=torch.float8_e5m2), "refers to torch"),
        (torch.zeros(HUGE, device="meta"), "refers to torch"),
        (torch.nn.Parameter(torch.zeros(2)), "refers to torch"),
        (nested(40, 1), "nested more than 32 deep"),
        (nested(20, 10), "more than 10,000,000 values"),
        (float("nan"), "not finite"),
        (10**30, "too large"),
    ],
)
def test_values_that_no_checkpoint_has_are_refused(
    tmp_path: Path, value: object, words: str
) -> None:
    refuse(saved(tmp_path, data={"more": value}), words)


def test_compressed_parts_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, weights={"w": torch.zeros(1_000_000)})
    checkpointing.load(packed_again(path, zipfile.ZIP_STORED))
    refuse(packed_again(path, zipfile.ZIP_DEFLATED), "a part of it is compressed")


def test_parts_that_share_the_bytes_of_the_file_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, weights={"a": torch.zeros(1000), "b": torch.ones(1000)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b" "  # writes the list of members again
        large = max(archive.infolist(), key=lambda member: member.file_size)
        archive.filelist += [large] * 3
    refuse(path, "its parts are larger than the file")


def test_a_large_description_of_the_tensors_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_limits, "MAX_PICKLE_BYTES", 100)
    refuse(saved(tmp_path), r"data\.pkl has .* bytes, too many")


def test_the_old_format_without_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    values = torch.load(saved(tmp_path), weights_only=True)
    torch.save(values, path, _use_new_zipfile_serialization=False)
    refuse(path, "not a zip file")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weights", [torch.zeros(1)]),
        ("weights", {1: torch.zeros(1)}),
        ("weights", {"w": 1.0}),
        ("classes", "REAL"),
        ("epoch", "1"),
        ("epoch", True),
        ("data", []),
        ("metrics", None),
        ("familiar", 3),
    ],
)
def test_a_field_of_another_type_is_refused(tmp_path: Path, field: str, value: object) -> None:
    refuse(saved(tmp_path, **{field: value}), f"its {field}")
