"""Adds a trained detector to the repository, with its figures and model card.

    python -m detectors.add NAME --checkpoint checkpoints/<run>/best.pt --evaluation DIR

DIR is the output folder of evaluate.py for this checkpoint, on the test splits of all collections
that the card shall have figures of. Writes detectors/NAME/: detector.json, weights.safetensors,
CARD.md and its plots. LICENSE is written by hand.
"""

import argparse
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import detectors
from common import checkpointing, detector_folder, errors, foreign
from common.errors import UsageError
from detectors import card
from detectors.probes import score_probes
from scoring.load import load_detector

LICENCE = "research, teaching and journalism, no commercial use"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="name of the detector, by which --checkpoint finds it")
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint file")
    parser.add_argument(
        "--evaluation", type=Path, required=True, metavar="DIR", help="output of evaluate.py"
    )
    parser.add_argument(
        "--left_out",
        type=Path,
        nargs="*",
        default=[],
        metavar="DIR",
        help="outputs of evaluate.py for trainings without one of the collections, on it",
    )
    flags = parser.parse_args()
    if not flags.name.isidentifier():
        raise UsageError(f"{flags.name!r} is no name for a detector: use letters, digits and _")
    check_results(flags.checkpoint, read_results(flags.evaluation))
    add(flags.checkpoint, detectors.FOLDER / flags.name, flags.evaluation, flags.left_out)
    print(f"written: {detectors.FOLDER / flags.name}")
    return 0


def read_results(folder: Path) -> dict[str, Any]:
    """Return the content of metrics.json in an output folder of evaluate.py."""
    return foreign.read_json(folder / "metrics.json")


def check_results(path: Path, results: dict[str, Any]) -> None:
    """Raise UsageError unless all results, the content of metrics.json, are of the checkpoint at
    `path` with its decision rule, and each of another collection."""
    entries = results["evaluations"]
    rule = checkpointing.load(path).judgement
    if not all(Path(entry["checkpoint"]).resolve() == path.resolve() for entry in entries):
        raise UsageError("--evaluation: these are results of another checkpoint")
    if not rule or not all(
        entry["judgement"] | {"prior": 0} == rule | {"prior": 0} for entry in entries
    ):
        raise UsageError("--evaluation: these are results with another decision rule")
    if len({card.collection(entry) for entry in entries}) < len(entries):
        raise UsageError("--evaluation: folders of two manifests have the same name")


def add(path: Path, folder: Path, evaluation: Path, left_out: Sequence[Path] = ()) -> None:
    """Write the checkpoint at `path`, its figures and its card to a detector's folder.
    `evaluation` and `left_out` are output folders of evaluate.py, of this checkpoint and of
    trainings without one of its collections."""
    checkpoint, results = checkpointing.load(path), read_results(evaluation)
    about: dict[str, Any] = {
        "name": folder.name,
        "licence": f"{LICENCE} (detectors/{folder.name}/LICENSE)",
        "card": f"detectors/{folder.name}/CARD.md",
        "code": code_version(),
        "figures": card.figures(results),
    }
    file = folder / detectors.FILE
    _write(file, replace(checkpoint, about=about))
    # The scores are those of the stored weights, which are rounded.
    about["probes"] = score_probes(load_detector(file, torch.device("cpu")))
    _write(file, replace(checkpoint, about=about))
    for earlier in folder.glob("*.png"):
        earlier.unlink()
    for shown, drawn in card.pictures(results).items():
        shutil.copyfile(evaluation / drawn, folder / shown)
    others = [read_results(other) for other in left_out]
    videos = pd.read_csv(evaluation / "scores.csv")
    text = card.text(checkpoint, about, results, videos, others)
    (folder / "CARD.md").write_text(text, encoding="utf-8")


def _write(file: Path, checkpoint: checkpointing.Checkpoint) -> None:
    detector_folder.write(file.parent, checkpointing.to_values(checkpoint))


def code_version() -> str:
    """Return the commit of the code, with -dirty if files were changed, or "unknown" outside a Git
    checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip()


if __name__ == "__main__":
    errors.run(main)
