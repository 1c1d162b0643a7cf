"""The parts of the GPU benchmark: their commands, their limits and what they take along."""

import importlib
import sys
from pathlib import Path

import pytest

from benchmarks import gpu
from tests.benchmarks.commands import run


def test_every_part_is_a_command_that_its_benchmark_understands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The parser of each benchmark reads the words, and then the test ends it."""
    parts = gpu.parts([Path("a"), Path("b")])
    assert sum(limit for _, limit in parts.values()) <= 6 * 60
    for words, _ in parts.values():
        module = importlib.import_module(words[0])
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.setattr(module, "new_parser", stop_after_parsing(module.new_parser))
        with pytest.raises(InterruptedError):
            module.main()


def stop_after_parsing(new_parser):
    def make(text: str | None):
        parser = new_parser(text)
        parse = parser.parse_args

        def parse_and_stop() -> None:
            parse()
            raise InterruptedError

        parser.parse_args = parse_and_stop
        return parser

    return make


@pytest.mark.slow
def test_a_part_that_fails_or_hangs_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(gpu, "PYTHON", [sys.executable, "-c"])
    hang = "import time; time.sleep(600)"
    parts = {"a": (["1 / 0"], 60), "b": ([hang], 0.5), "c": (["print('done')"], 60)}
    monkeypatch.setattr(gpu, "parts", lambda _: parts)
    assert run(monkeypatch, gpu, tmp_path) == 1
    out = capfd.readouterr().out
    assert "a: exit code 1 after" in out and "b: not done after 0.5 s" in out
    assert "done\n" in out and "c: exit code 0 after" in out
    assert out.splitlines()[-1] == "without a result: a, b"
