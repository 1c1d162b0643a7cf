"""The worked examples of CONTRIBUTING.md run, and are short; the files of an open project agree."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from common.version import VERSION
from datasets import layouts, manifest
from models import encoders
from tests.helpers.commands import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def defined(name: str) -> object:
    """Return the function `name` that an example defines."""
    (code,) = [code for code in EXAMPLES if f"def {name}(" in code]
    names: dict[str, object] = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    return names[name]


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_has_at_most_30_lines(code: str) -> None:
    assert len(code.splitlines()) <= 31


def test_the_example_of_a_layout_reads_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("real/a.mp4", "fake/a_swap.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"video")
    monkeypatch.setitem(layouts.LAYOUTS, "pairs", defined("read"))
    table = layouts.read("pairs", tmp_path)
    assert table["label"].tolist() == [manifest.REAL, manifest.FAKE]
    assert table["source"].tolist() == table["group"].tolist() == ["a", "a"]
    assert table["method"].tolist() == ["", "swap"]


def test_the_example_of_an_encoder_encodes_frames() -> None:
    encoder = defined("tiny_cnn")()
    assert isinstance(encoder, encoders.Encoder)
    assert encoder.module(torch.zeros(2, 3, 64, 64)).shape == (2, encoder.features)


def test_the_example_of_a_metric_is_0_for_the_share_of_fakes_and_1_for_the_truth() -> None:
    skill, labels = defined("brier_skill"), np.array([0, 1, 1, 1])
    assert skill(labels, np.full(4, 0.75)) == pytest.approx(0)
    assert skill(labels, labels.astype(float)) == pytest.approx(1)
    assert skill(np.zeros(3), np.zeros(3)) is None


def test_the_newest_entry_of_the_changelog_is_of_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", text, re.MULTILINE)[0] == VERSION


def test_the_workflow_runs_what_ci_runs_and_templates_can_be_read() -> None:
    files = [
        *ROOT.glob(".github/**/*.yml"),
        ROOT / ".pre-commit-config.yaml",
        ROOT / "CITATION.cff",
    ]
    assert len(files) == 6
    read = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}
    commands = [step.get("run") for step in read["test.yml"]["jobs"]["linux"]["steps"]]
    assert ".ci/run" in commands
