"""Hostile and odd videos through evaluate.py and score.py: the same verdicts in both."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import score
from tests.faces.test_odd_videos import CASES
from tests.helpers import evaluate_runs, preprocess_runs
from tests.helpers.commands import run_here
from tests.helpers.hostile import EXPECTED, write_hostile

NO_FILES = {"folder.mp4", "link_to_itself.mp4"}  # a data set's row says that they are missing
ALL = EXPECTED | {n: found for n, (_, *found) in CASES.items() if n not in NO_FILES}


@pytest.fixture(scope="module")
def dfdc(tmp_path_factory: pytest.TempPathFactory, heads: list[list[np.ndarray]]) -> Path:
    """All of them as a part of DFDC, fakes and reals in turn."""
    root = tmp_path_factory.mktemp("hostile")
    part = root / preprocess_runs.PART
    part.mkdir()
    write_hostile(part, heads)
    for name in ALL.keys() & CASES.keys():
        CASES[name][0](part / name, heads[0])
    labels = {name: ("FAKE", "REAL")[i % 2] for i, name in enumerate(ALL)}
    metadata = {name: {"label": label, "split": "train"} for name, label in labels.items()}
    (part / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    return root


def rows(path: Path, column: str) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {Path(row[column]).name: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_every_hostile_video_has_the_same_verdict_in_both_and_costs_no_other(
    dfdc: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = preprocess_runs.flags(dfdc, tmp_path)
    mostly_test = [*flags, "--val_share", "0", "--test_share", "0.8"]
    assert preprocess_runs.run(monkeypatch, *mostly_test) == 0
    csv_file = ["--checkpoint", str(checkpoint), "--csv_file", str(tmp_path / "videos_df.csv")]
    out = ["--output", str(tmp_path / "evaluation")]
    assert evaluate_runs.run(monkeypatch, *csv_file, *out) == 0
    videos = [str(dfdc / preprocess_runs.PART / name) for name in ALL]
    out = ["--checkpoint", str(checkpoint), "--output", str(tmp_path)]
    assert run_here(monkeypatch, score.main, *videos, *out, "--device", "cpu") == 1
    assert "Traceback" not in capsys.readouterr().err
    measured = rows(tmp_path / "evaluation/scores.csv", "path")
    scored = rows(tmp_path / "scores.csv", "video")
    assert set(scored) == set(ALL)
    assert len(measured) >= 15
    for name, one in measured.items():
        (status, people), other = ALL[name], scored[name]
        assert one["verdict"] == other["verdict"], name
        assert int(other["faces"]) == people
        if status == "ok":
            assert one["verdict"] in ("real", "fake", "uncertain")
            assert float(one["p_fake"]) == pytest.approx(float(other["p_fake"]), abs=1e-4), name
        else:
            assert (one["verdict"], one["p_fake"], other["p_fake"]) == (status, "", "")
    (counted,) = json.loads((tmp_path / "evaluation/metrics.json").read_text())["evaluations"]
    assert counted["videos"] == len(measured)
    assert counted["videos_judged"] == sum(ALL[name][0] == "ok" for name in measured)
