"""Everything that the program writes states its version, which is defined once."""

import json
from pathlib import Path

import pytest
import torch

from common import pages
from common.version import VERSION
from inference.score_output import ScoreFiles
from scoring.decision_rule import DecisionRule
from tests.helpers.commands import ROOT, run_process


def test_a_checkpoint_states_the_version(calibrated: Path) -> None:
    assert torch.load(calibrated, weights_only=True)["version"] == VERSION


def test_scores_state_the_version(tmp_path: Path) -> None:
    ScoreFiles(tmp_path, {}, DecisionRule()).close()
    assert json.loads((tmp_path / "scores.json").read_text())["version"] == VERSION


def test_a_page_can_state_the_version(tmp_path: Path) -> None:
    (tmp_path / "template.html").write_text("{{ version }}")
    pages.render(tmp_path / "template.html", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == VERSION


@pytest.mark.parametrize("template", ["inference/clip.html", "evaluation/report.html"])
def test_clip_page_and_report_state_it(template: str) -> None:
    assert "{{ version }}" in (ROOT / template).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["preprocess_dfdc", "train", "evaluate", "score"])
def test_every_command_states_it(command: str) -> None:
    assert run_process(f"{command}.py", "--version").stdout.strip() == VERSION
