"""Backends of the encoder, with a stand-in for OpenVINO, which the tests do not install."""

import sys
from collections.abc import Callable
from types import ModuleType

import numpy as np
import onnxruntime
import pytest

from benchmarks import backends
from tests.benchmarks.commands import error_line, run

ENCODER = "test_resnet"  # of timm


class Core:
    """What the benchmark calls of openvino.Core, computed by ONNX Runtime."""

    def read_model(self, graph: bytes, weights: bytes) -> bytes:
        return graph

    def compile_model(
        self, graph: bytes, device: str, settings: dict[str, object]
    ) -> Callable[[np.ndarray], list[np.ndarray]]:
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        return lambda frames: session.run(None, {"frames": frames})


@pytest.mark.slow
def test_every_backend_gets_a_row_and_computes_the_same_features(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    openvino = ModuleType("openvino")
    openvino.Core = Core
    monkeypatch.setitem(sys.modules, "openvino", openvino)
    monkeypatch.setattr(backends, "FRAMES", 2)
    assert run(monkeypatch, backends, "--encoders", ENCODER, "--repeats", "1") == 0
    _, head, *rows, _ = capsys.readouterr().out.splitlines()
    assert head.split() == ["encoder", "backend", "median", "fastest", "CPU", "difference"]
    names = [row[20:40].strip() for row in rows]
    assert names == ["torch channels_last", "torch folded", "onnxruntime", "openvino"]
    for row in rows:
        *seconds, difference = map(float, row[40:].split())
        assert row.startswith(ENCODER) and min(seconds) >= 0 and difference < 1e-4


def test_a_missing_package_is_one_line_that_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    line = error_line(monkeypatch, capsys, backends, "--encoders", ENCODER)
    assert line == "error: this benchmark needs OpenVINO: pip install openvino"
