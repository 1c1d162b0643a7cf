"""JSON and YAML of any content are read within limits, or refused in one line."""

import os
from pathlib import Path

import pytest

from common import foreign
from common.errors import DataError

DEEP = 100_000  # far more than Python's limit on recursion


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "a.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, -2.5, null, true, "é"]}', {"a": [1, -2.5, None, True, "é"]}),
        ("\ufeff[1]", [1]),
        ('{"a": 1, "a": 1}', {"a": 1}),
        (f"[{2**64 - 1}]", [2**64 - 1]),
        ("[" * foreign.MAX_DEPTH + "]" * foreign.MAX_DEPTH, None),
    ],
)
def test_ordinary_json_is_read_as_it_is(tmp_path: Path, text: str, value: object) -> None:
    assert value in (None, foreign.read_json(write(tmp_path, text)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        (b"\xff\xff[]", "can't decode byte 0xff"),
        ("[" * DEEP, "nested"),
        ('{"a":' * DEEP, "nested"),
        ("[" * 100 + "]" * 100, "nested more than 32 deep"),
        ('{"a": 1, "a": 2}', "two values for 'a'"),
        ("[NaN]", "a number is not finite"),
        ("[1e999]", "a number is not finite"),
        (f"[{2**64}]", "an integer is too large"),
        ("[" + "9" * 5000 + "]", "integer"),
    ],
)
def test_json_that_is_refused_is_one_line(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=words) as caught:
        foreign.read_json(path)
    assert str(caught.value).startswith(f"{path} cannot be read as JSON: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1, 1]\nb: *x", "anchors and aliases"),
        ("a: *x", "anchors and aliases"),
        ("a: &x 1", "anchors and aliases"),
        ("[" * 20_000, "nested more than 32 deep"),
        ("- " * 20_000, "nested more than 32 deep"),
        ("a: 1\nb: 2\na: 3", "two values for 'a'"),
        ("a: {b: 1, b: 2}", "two values for 'b'"),
        ("a: [{b: 1, b: 2}]", "two values for 'b'"),
        ("a: !!python/object/apply:os.getcwd []", "tags"),
        ("a: !!timestamp x", "tags"),
        ("a: 2024-99-99", "month"),
        ("a: 2024-01-01", "a date cannot be used as a value"),
        ("a: 0b_", "invalid literal"),
        ("a: .inf", "a number is not finite"),
        ("a: 0x" + "f" * 5000, "an integer is too large"),
        ("? [a]\n: b", "unhashable"),
        ("a: [", "expected"),
        (b"\x00", "special characters"),
        ("a: " + "x" * foreign.MAX_YAML_BYTES, "bytes, more than the limit of 65,536"),
    ],
)
def test_yaml_that_is_refused_is_one_line(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        foreign.read_yaml(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_what_is_no_file_or_too_large_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # reading it would block
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**40)
    (tmp_path / "loop").symlink_to("loop")
    expected = {"pipe": "is not a file", "large": "more than the limit", "gone": "No such file"}
    for name, words in (expected | {"loop": "Too many levels", ".": "is not a file"}).items():
        with pytest.raises(DataError, match=words):
            foreign.read_json(tmp_path / name)


def test_a_value_that_stands_for_many_is_refused_without_the_memory_for_them() -> None:
    bomb: object = "x"
    for _ in range(20):
        bomb = [bomb] * 10  # a list of references: 20 small lists, 10 ** 20 values
    with pytest.raises(ValueError, match="more than 10,000,000 values"):
        foreign.check_plain(bomb)
