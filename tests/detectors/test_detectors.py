"""The detectors that ship: found by name, complete, small, and as they were when added."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import detectors
from common import checkpointing, detector_folder
from common.errors import CheckpointError, UsageError
from common.files import sha256
from detectors import __main__ as listing
from detectors.probes import SEEDS, TOLERANCE, score_probes
from flags import config_file
from scoring.load import load_detector
from tests.helpers.commands import ROOT, run_here

MAX_BYTES = 25e6
EXTRAS = ("imagehash", "tensorboard", "onnx", "onnxruntime", "onnxscript", "ray", "fastapi")
# Begins a process in which no optional package can be imported.
BLOCKED = (
    "import runpy, sys; sys.modules.update(dict.fromkeys(sys.argv[1].split(',')));"
    "sys.argv = sys.argv[2:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.mark.parametrize("name", detectors.names())
def test_a_detector_that_ships_is_complete_small_and_loads_with_its_rule(name: str) -> None:
    folder = detectors.FOLDER / name
    files = {file.name for file in folder.iterdir()}
    assert files >= {"detector.json", "weights.safetensors", "CARD.md", "LICENSE"}
    assert sum(file.stat().st_size for file in folder.iterdir()) <= MAX_BYTES
    detector = load_detector(folder / detectors.FILE, torch.device("cpu"))
    assert detector.rule.fitted, "its p_fake is calibrated"
    assert detector.trained_on, "evaluate.py recognises its training groups"
    assert (ROOT / detector.about["card"]).samefile(folder / "CARD.md")


@pytest.mark.parametrize("name", detectors.names())
def test_scores_of_drawn_clips_are_those_of_the_day_it_was_added(name: str) -> None:
    detector = load_detector(detectors.FOLDER / name / detectors.FILE, torch.device("cpu"))
    expected = detector.about["probes"]
    assert len(expected) == len(SEEDS)
    assert score_probes(detector) == pytest.approx(expected, abs=TOLERANCE)


def test_the_default_is_there_and_names_and_files_are_found(tmp_path: Path) -> None:
    assert detectors.DEFAULT in detectors.names()
    default = detectors.FOLDER / detectors.DEFAULT / detectors.FILE
    assert detectors.find(None) == detectors.find(Path(detectors.DEFAULT)) == default
    assert detectors.find(default.parent) == default
    file = tmp_path / "best.pt"
    assert detectors.find(file) == file, "that it is absent is said when it is read"


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"no detector 'lite'.*did you mean lite0"):
        detectors.find(Path("lite"))


def test_the_list_shows_figures_and_licence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, listing.main) == 0
    shown = capsys.readouterr().out
    assert f"{detectors.DEFAULT} (default)" in shown
    assert "AUC" in shown and "licence: research" in shown


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(detectors.FOLDER / detectors.DEFAULT, tmp_path / "copy")
    return tmp_path / "copy" / detectors.FILE


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: f.with_name("weights.safetensors").unlink(), "weights.safetensors is not"),
        (lambda f: f.with_name("weights.safetensors").write_bytes(b"x"), "is another file"),
        (lambda f: f.write_text("[]"), "it is not an object"),
        (lambda f: f.write_text("{"), "damaged"),
        (lambda f: f.write_text("[" * 100_000), "damaged"),
    ],
)
def test_a_damaged_folder_is_refused(copied: Path, damage, message: str) -> None:
    damage(copied)
    with pytest.raises(CheckpointError, match=message):
        checkpointing.load(copied)


def test_a_digest_that_fits_makes_damaged_weights_no_better(copied: Path) -> None:
    weights = copied.with_name("weights.safetensors")
    weights.write_bytes((2**40).to_bytes(8, "little") + b"{}")  # declares a header of a terabyte
    values = json.loads(copied.read_text()) | {"weights_sha256": sha256(weights)}
    copied.write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match="damaged"):
        checkpointing.load(copied)


@pytest.mark.parametrize(
    "about",
    [
        {"licence": "x"},
        {"name": 1, "licence": "a", "card": "b"},
        {"name": "a", "licence": "\x1b[31m", "card": "b"},
    ],
)
def test_what_pages_and_terminals_show_is_text(copied: Path, about: dict[str, object]) -> None:
    copied.write_text(json.dumps(json.loads(copied.read_text()) | {"about": about}))
    with pytest.raises(CheckpointError, match="are not texts"):
        load_detector(copied, torch.device("cpu"))


def test_fields_are_checked_as_those_of_checkpoints(copied: Path) -> None:
    values = json.loads(copied.read_text())
    for change in ({"format": 99}, {"model": []}, {"trained_on": None}, {"about": "x"}):
        copied.write_text(json.dumps(values | change))
        with pytest.raises(CheckpointError):
            checkpointing.load(copied)


def test_the_decision_rule_of_a_folder_is_not_replaced(copied: Path) -> None:
    before = copied.read_bytes()
    with pytest.raises(CheckpointError, match="decision rule of a shipped detector is fixed"):
        checkpointing.store_decision_rule(copied, {})
    assert copied.read_bytes() == before


def test_what_is_written_is_read_and_only_matrices_are_rounded(
    checkpoint: Path, tmp_path: Path
) -> None:
    content = checkpointing.load(checkpoint)
    detector_folder.write(tmp_path / "new", checkpointing.to_values(content))
    again = checkpointing.load(tmp_path / "new" / detector_folder.NAME)
    assert {**vars(again), "weights": 0} == {**vars(content), "weights": 0}
    assert again.weights.keys() == content.weights.keys()
    for name, tensor in content.weights.items():
        found = again.weights[name]
        assert found.dtype == tensor.dtype
        rounded = tensor.half().float() if tensor.ndim > 1 else tensor
        assert torch.equal(found, rounded)


@pytest.mark.slow
def test_a_clip_is_judged_without_a_flag_and_without_any_optional_package(
    talking_heads: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", BLOCKED, ",".join(EXTRAS), str(ROOT / "score.py")]
    clip = talking_heads / "new" / "new_real.mp4"
    flags = ["--output", str(tmp_path), "--report", str(tmp_path / "pages"), "--device", "cpu"]
    ended = subprocess.run(
        [*command, str(clip), *flags], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "research" in ended.stderr
    (page,) = (tmp_path / "pages").glob("*.html")
    assert f"detectors/{detectors.DEFAULT}/CARD.md" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("recipe", sorted(detectors.FOLDER.glob("recipe_*.yaml")))
def test_a_recipe_holds_flags_that_training_takes(recipe: Path) -> None:
    flags = config_file.read_config(recipe)
    assert len(flags.csv_file) == len(flags.shares) == 3
    assert recipe.stem.endswith(flags.augmentation)
