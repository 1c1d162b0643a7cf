"""Files that are no exported detector, or a damaged or hostile one: one line, and no harm."""

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from common import errors
from export import detector_file
from export.onnx_model import load_exported
from tests.test_score import run

Parts = dict[str, bytes]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


def pack(path: Path, parts: Parts, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def with_about(parts: Parts, **changes: object) -> Parts:
    about = json.loads(parts["detector.json"]) | changes
    return parts | {"detector.json": json.dumps(about).encode()}


BAD: dict[str, tuple[Callable[[Path, Parts], Path], str]] = {
    "cut": (
        lambda path, parts: path.write_bytes(pack(path, parts).read_bytes()[:-99]) and path,
        "damaged or not an exported detector",
    ),
    "a bit turned": (
        lambda path, parts: turn_a_bit(pack(path, parts)),
        "is damaged (BadZipFile: Bad CRC-32",
    ),
    "compressed": (
        lambda path, parts: pack(path, parts, zipfile.ZIP_DEFLATED),
        "encoder.onnx once and uncompressed",
    ),
    "a part missing": (
        lambda path, parts: pack(path, {k: v for k, v in parts.items() if k != "head.onnx"}),
        "it must contain head.onnx once",
    ),
    "another format": (
        lambda path, parts: pack(path, with_about(parts, format=99)),
        "has export format 99, this version reads 1",
    ),
    "no settings": (
        lambda path, parts: pack(path, parts | {"detector.json": b"[" * 100_000}),
        "detector.json cannot be read as JSON: it is nested too deeply",
    ),
    "settings of another version": (
        lambda path, parts: pack(path, with_about(parts, faces={"size": 3})),
        "FaceConfig is of another",
    ),
    "no graph": (
        lambda path, parts: pack(path, parts | {"encoder.onnx": b"no graph"}),
        "is damaged (InvalidProtobuf",
    ),
    "values in another file": (
        lambda path, parts: pack(path, parts | {"head.onnx": refer(parts["head.onnx"])}),
        "a graph refers to values in another file",
    ),
    "graphs that do not fit": (
        lambda path, parts: pack(path, parts | {"head.onnx": parts["encoder.onnx"]}),
        "is damaged (",
    ),
    "not there": (lambda path, parts: path, "no exported detector at"),
}


def turn_a_bit(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def refer(graph: bytes) -> bytes:
    """Return the graph with its first weights replaced by those in a file."""
    model = onnx.load_from_string(graph)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret.bin")
    return model.SerializeToString()


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_used_is_one_line(
    case: str,
    parts: Parts,
    talking_heads: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make, words = BAD[case]
    path = make(tmp_path / "detector.zip", parts)
    monkeypatch.chdir(tmp_path)
    flags = ("--checkpoint", path, "--backend", "onnx")
    assert run(monkeypatch, talking_heads / "new", *flags) == 2
    assert words in one_line(capfd)


def test_parts_that_are_too_large_are_not_read(
    detector_zip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(detector_file.LIMITS, "encoder.onnx", 1000)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("read"))
    with pytest.raises(errors.CheckpointError, match=r"encoder\.onnx has .* bytes"):
        detector_file.read(detector_zip)


def test_other_names_in_the_file_are_left_alone(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    odd = {"../outside.txt": b"x", "/tmp/absolute.txt": b"x", "nul\x01.txt": b"x", "folder/": b""}
    path = pack(tmp_path / "inside/detector.zip", odd | parts)
    assert load_exported(path).model.sees_time
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("torch", "is an exported detector: use it with score.py --backend onnx"),
        ("onnx", "damaged or not an exported detector: make one with score.py --export"),
    ],
)
def test_the_wrong_file_for_a_backend_is_one_line(
    backend: str,
    words: str,
    calibrated: Path,
    detector_zip: Path,
    talking_heads: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = detector_zip if backend == "torch" else calibrated
    flags = ("--checkpoint", wrong, "--backend", backend)
    assert run(monkeypatch, talking_heads / "new", *flags) == 2
    assert words in one_line(capsys)


def test_an_exported_detector_computes_in_float32_alone(
    detector_zip: Path,
    talking_heads: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ("--checkpoint", detector_zip, "--backend", "onnx", "--precision", "bfloat16")
    assert run(monkeypatch, talking_heads / "new", *flags) == 2
    assert "leave out --precision" in one_line(capsys)


def test_a_missing_package_is_one_line(
    calibrated: Path,
    detector_zip: Path,
    talking_heads: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    flags = ("--checkpoint", detector_zip, "--backend", "onnx")
    assert run(monkeypatch, talking_heads / "new", *flags) == 2
    assert "requirements-extras.txt" in one_line(capsys)
    assert run(monkeypatch, "--checkpoint", calibrated, "--export", tmp_path / "detector.zip") == 2
    assert "requirements-extras.txt" in one_line(capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--export", "best.pt"), "must be a .zip"),
        (("--export", "gone/detector.zip"), "in an existing folder"),
        (("clip.mp4", "--export", "detector.zip"), "--export takes no PATH"),
        (("--export", "detector.zip", "--backend", "onnx"), "not allowed with"),
        ((), "arguments are required: PATH"),
    ],
)
def test_flags_that_cannot_be_served_are_refused(
    words: tuple[str, ...],
    said: str,
    calibrated: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *words, "--checkpoint", calibrated) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
