"""The table of measured margins."""

from pathlib import Path

import pytest

from benchmarks import margins
from tests.benchmarks.commands import run


def test_every_margin_gets_a_row_and_is_measured_closely(
    talking_heads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run(monkeypatch, margins, talking_heads / "new") == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("8 faces")
    cells = [row.split() for row in rows]
    assert [float(row[0]) for row in cells] == list(margins.MARGINS)
    assert [float(row[1]) for row in cells] == pytest.approx(margins.MARGINS, abs=0.06)
