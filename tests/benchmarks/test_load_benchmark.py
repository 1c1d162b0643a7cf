"""serve.py under load, killed in the middle: a small version of what `make prove` runs."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.benchmarks.commands import run

pytest.importorskip("fastapi")
from benchmarks import load


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory from /proc")
def test_every_accepted_file_gets_the_verdict_of_score_py_although_the_server_is_killed(
    talking_heads: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    shutil.copy(talking_heads / "new" / "new_fake.mp4", tmp_path)
    monkeypatch.setattr(load, "overhead", lambda *_: None)  # timing, which has its own run
    monkeypatch.setattr(load, "GROWTH", 2.0)  # a few seconds say nothing about memory
    assert run(monkeypatch, load, str(tmp_path), "--seconds", "20", "--clients", "5") == 0
    said = capsys.readouterr().out
    assert "wrong" not in said and "files left: none" in said
    assert int(said.split()[0]) >= 2, "some were accepted"


def test_a_box_makes_a_copy_that_is_another_file() -> None:
    box = load.distinct_box("a")
    assert box != load.distinct_box("b")
    assert int.from_bytes(box[:4], "big") == len(box) == 9
