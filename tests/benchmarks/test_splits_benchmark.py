"""Seconds of splitting, and leaks by ways of splitting that ignore the source."""

import json
from pathlib import Path

import pytest

from benchmarks import splits
from tests.benchmarks.commands import error_line, run


def test_only_splitting_by_source_leaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    metadata: dict[str, dict[str, str]] = {}
    for source in range(30):
        metadata[f"real{source}.mp4"] = {"label": "REAL"}
        for copy in range(3):
            entry = {"label": "FAKE", "original": f"real{source}.mp4"}
            metadata[f"fake{source}_{copy}.mp4"] = entry
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(metadata))
    monkeypatch.setattr(splits, "ROWS", 600)
    assert run(monkeypatch, splits, "--metadata", path) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "600 rows"
    steps, leaks = lines[:5], lines[5:]
    names = ["split", "balance", "audit", "sampler, one epoch", "total"]
    assert [line[:24].strip() for line in steps] == names
    shares = {line[:24].strip(): float(line[24:].split("%")[0]) for line in leaks}
    assert shares.pop("by source") == 0
    assert list(shares) == ["by video", "balanced, then by video"] and min(shares.values()) > 0


def test_missing_metadata_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(splits, "ROWS", 600)
    path = tmp_path / "gone.json"
    assert "gone.json" in error_line(monkeypatch, capsys, splits, "--metadata", path)
