"""Adds a trained detector to the repository, with its figures and model card.

    python -m detectors.add NAME --checkpoint checkpoints/<run>/best.pt --evaluation DIR

DIR is the output folder of evaluate.py for this checkpoint, on the test splits of all collections
that the card shall have figures of. Writes detectors/NAME/: detector.json, weights.safetensors and
CARD.md. LICENSE is written by hand.
"""

import argparse
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import detectors
from common import checkpointing, detector_folder, errors, foreign
from common.errors import UsageError
from detectors import card
from detectors.probes import score_probes
from scoring.load import load_detector

LICENCE = "research use only, like its training data"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="name of the detector, by which --checkpoint finds it")
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint file")
    parser.add_argument(
        "--evaluation", type=Path, required=True, metavar="DIR", help="output of evaluate.py"
    )
    flags = parser.parse_args()
    if not flags.name.isidentifier():
        raise UsageError(f"{flags.name!r} is no name for a detector: use letters, digits and _")
    results = foreign.read_json(flags.evaluation / "metrics.json")
    check_results(flags.checkpoint, results)
    add(flags.checkpoint, detectors.FOLDER / flags.name, results)
    print(f"written: {detectors.FOLDER / flags.name}")
    return 0


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


def add(path: Path, folder: Path, results: dict[str, Any]) -> None:
    """Write the checkpoint at `path` to a detector's folder. `results` is the content of
    metrics.json."""
    checkpoint = checkpointing.load(path)
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
    (folder / "CARD.md").write_text(card.text(checkpoint, about, results), encoding="utf-8")


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
