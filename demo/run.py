"""Run the whole pipeline on demo data, from nothing to verdicts, with the README's commands.

    python -m demo.run --seed 0          (called by `make demo`)

Writes data/demo/ (videos, crops, manifest, scores.csv, summary.json) and checkpoints/demo/.
"""

import argparse
import csv
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import errors, memory
from common.errors import PipelineError
from flags.types import at_least

DATA = Path("data/demo")
RUN = Path("checkpoints/demo")
SOURCES = 120
AGAIN = 8  # test videos whose files are scored again, to compare with evaluate.py
NEW = {"new_real.mp4": "real", "new_fake.mp4": "fake"}  # clips outside every split: true verdict


def commands(seed: int) -> dict[str, list[str]]:
    """Return the command line of every stage."""
    manifest = str(DATA / "videos_df.csv")
    return {
        "generate": (
            f"-m demo.generate --output {DATA}/dfdc --sources {SOURCES} --seed {seed}"
        ).split(),
        "preprocess": (
            f"preprocess_dfdc.py --input {DATA}/dfdc --output {DATA} --seed {seed} "
            "--undersample False --val_share 0.1 --test_share 0.2 --frames_per_video 8 "
            "--face_size 64 --margin 0.1"
        ).split(),
        "train": (
            f"train.py --csv_file {manifest} --model_name resnet18 --pretrained False "
            "--clip_frames 2 --crop_size 64 --embed_dim 128 --epochs 100 --batch_size 8 "
            "--lr 0.0005 "
            f"--workers 0 --seed {seed} --run_name {RUN.name} --keep_checkpoints 1"
        ).split(),
        "evaluate": f"evaluate.py --checkpoint {RUN}/best.pt --csv_file {manifest}".split(),
        "score": (f"score.py {DATA}/dfdc/new --checkpoint {RUN}/best.pt --output {DATA}").split(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="random seed of data, split and training"
    )
    seed = parser.parse_args().seed
    for folder in (DATA, RUN):
        shutil.rmtree(folder, ignore_errors=True)
    seconds = {stage: run_stage(stage, command) for stage, command in commands(seed).items()}
    judged = read_scores(RUN / "evaluation_test/scores.csv", "path")
    again = [str(DATA / "dfdc" / path) for path in sorted(judged)[:AGAIN]]
    seconds["score_again"] = run_stage(
        "score_again",
        ["score.py", *again, "--checkpoint", f"{RUN}/best.pt", "--output", f"{DATA}/again"],
    )
    summary = summarize(seed, seconds, judged)
    path = DATA / "summary.json"
    path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(f"\n{json.dumps(summary, indent=2)}\n")
    for name, output in {
        "videos": DATA / "dfdc",
        "crops and manifest": DATA / "videos_df.csv",
        "thumbnails": DATA / "thumbnails.png",
        "model": RUN / "best.pt",
        "training curves": RUN / "curves.png",
        "evaluation": RUN / "evaluation_test/report.html",
        "verdicts on new clips": DATA / "scores.csv",
        "summary": path,
    }.items():
        print(f"{name:<22} {output}")
    if not summary["both_right"]:
        print("a clip of new/ got the wrong verdict", file=sys.stderr)
    return 0 if summary["both_right"] else 1


def run_stage(stage: str, command: list[str]) -> float:
    """Run one command as a user would; return its duration in seconds."""
    print(f"\n── {stage}: python {shlex.join(command)}", flush=True)
    started = time.monotonic()
    code = subprocess.run([sys.executable, *command], check=False).returncode
    if code:
        raise PipelineError(f"the demo's {stage} stage ended with exit code {code}")
    return round(time.monotonic() - started, 1)


def read_scores(path: Path, key: str) -> dict[str, dict[str, str]]:
    """Return the rows of a scores.csv, keyed by their column ``key``."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row[key]: row for row in csv.DictReader(file)}


def summarize(
    seed: int, seconds: dict[str, float], judged: dict[str, dict[str, str]]
) -> dict[str, Any]:
    """Return the contents of summary.json; ``judged`` holds evaluate.py's rows by path."""
    results = json.loads((RUN / "evaluation_test/metrics.json").read_text(encoding="utf-8"))
    (result,) = results["evaluations"]
    auc, methods = result["metrics"]["auc"], result["groups"]["method"]
    new = read_scores(DATA / "scores.csv", "video")
    verdicts = {Path(video).name: row["verdict"] for video, row in new.items()}
    differences = [
        abs(
            float(row["p_fake"])
            - float(judged[Path(video).relative_to(DATA / "dfdc").as_posix()]["p_fake"])
        )
        for video, row in read_scores(DATA / "again/scores.csv", "video").items()
    ]
    peak = memory.peak_bytes(children=True)
    return {
        "seed": seed,
        "test_auc": auc["value"],
        "test_auc_interval": auc["interval"],
        "test_sources": result["sources"],
        "test_auc_by_method": {name: group["auc"]["value"] for name, group in methods.items()},
        "verdicts": verdicts,
        "both_right": verdicts == NEW,
        "score_against_evaluate": max(differences),  # of p_fake, from file and from manifest
        "seconds": seconds,
        "seconds_total": round(sum(seconds.values()), 1),
        "peak_memory_mb": peak and round(peak / 2**20),
    }


if __name__ == "__main__":
    errors.run(main)
