"""Measures checkpoints on a split of manifests: metrics with confidence intervals and a report.

    python evaluate.py [--checkpoint checkpoints/<run>/best.pt]

Writes metrics.json, scores.csv, report.html and plots to evaluation_<split>/ in the checkpoint's
folder. The default split is test.
"""

import args

if __name__ == "__main__":
    args.evaluate_parser().parse_args()  # before slow imports, so that --help answers at once


import argparse
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

import detectors
from common import cores, detector_folder, devices, errors
from common.errors import DataError, UsageError
from common.lock import only_writer
from common.version import VERSION
from datasets import manifest
from datasets.manifest import Manifest
from datasets.shared_memory import explained_loader_errors
from evaluation import (
    baselines,
    compare,
    content,
    plots,
    robustness,
    score_split,
    summary,
    video_traits,
)
from evaluation.measure import all_metrics, measure, with_face
from evaluation.results import METRICS, write
from evaluation.score_split import SplitScorer
from scoring.aggregate import BY_WORST_PERSON
from scoring.calibrate import ErrorTarget, TooFewVideos
from scoring.decision_rule import DecisionRule
from scoring.load import load_content, load_detector

SCHEMA = 3  # of metrics.json; raised when a field changes its meaning


@explained_loader_errors()
def main() -> int:
    flags = args.evaluate_parser().parse_args()
    if flags.task == "content":
        return evaluate_content(flags)
    flags.checkpoint = [detectors.find(name) for name in flags.checkpoint or [None]]
    device = devices.choose(flags.device)
    paths = list(map(manifest.find, flags.csv_file))
    check_flags(flags, paths)
    manifests = {str(path): manifest.read(path) for path in paths}
    columns = {name: group_columns(data, flags.group_by, name) for name, data in manifests.items()}
    scorers_of = {path: make_scorers(path, manifests, flags, device) for path in flags.checkpoint}
    output = flags.output or default_output(flags.checkpoint[0]) / f"evaluation_{flags.split}"
    output.mkdir(parents=True, exist_ok=True)
    with only_writer(output):
        evaluate_all(flags, manifests, scorers_of, columns, output)
    return 0


def evaluate_content(flags: argparse.Namespace) -> int:
    """Measure a content classifier on a manifest, and return the exit code. Raise UsageError if
    flags are given that are for detectors."""
    if len(flags.checkpoint or []) != 1 or len(flags.csv_file) != 1:
        raise UsageError("--task content takes one --checkpoint and one --csv_file")
    analyses = ("compare", "robustness", "per_frame", "group_by")
    given = [f"--{name}" for name in analyses if getattr(flags, name)]
    if given or fits_rule(flags):
        raise UsageError(
            "--task content measures accuracy and F1 of every class, and has no decision rule: "
            f"leave out {', '.join(given) or '--error_rate, --target_fpr and --aggregation'}"
        )
    device = devices.choose(flags.device)
    classifier = load_content(flags.checkpoint[0], device)
    path = manifest.find(flags.csv_file[0])
    workers = cores.loader_workers(flags.workers, device.type == "cuda")
    data = manifest.read(path)
    pictures = content.classify(classifier, data, flags.split, flags.batch_size, workers)
    result = content.measure(pictures, classifier.classes, flags.seed)
    output = flags.output or flags.checkpoint[0].parent / f"evaluation_{flags.split}"
    output.mkdir(parents=True, exist_ok=True)
    with only_writer(output):
        about = {"checkpoint": str(flags.checkpoint[0]), "csv_file": str(path)}
        content.write(output, pictures, result, about | {"split": flags.split})
    print(f"{flags.checkpoint[0]} on {path}: {content.describe(result)}")
    print(f"written: {output / 'content.json'}, content.csv")
    return 0


def evaluate_all(
    flags: argparse.Namespace,
    manifests: dict[str, Manifest],
    scorers_of: dict[Path, dict[str, SplitScorer]],
    columns: dict[str, list[str]],
    output: Path,
) -> None:
    """Evaluate each checkpoint on each of the `manifests`, by their names, and write the results to
    `output`. `columns` are those to group the videos of each manifest by."""
    traits = {
        name: video_traits.measure_traits(data, flags.split) for name, data in manifests.items()
    }
    judged: compare.JudgedVideos = {}
    evaluations, drawn, frame_tables = [], [], []
    for path, scorers in scorers_of.items():
        rule = decision_rule(flags, path, scorers).at_prior(flags.prior)
        judged[str(path)] = {}
        for name, scorer in scorers.items():
            videos = score_split.add_verdicts(scorer.score(traits[name]), rule)
            judged[str(path)][name] = videos
            result = evaluate(videos, rule, columns[name], flags)
            result["robustness"] = measure_robustness(videos, rule, scorer, flags) or None
            frames, result["frames"] = measure_frames(rule, scorer, flags)
            frame_tables.append(frames.assign(checkpoint=str(path), csv_file=name))
            evaluations.append({"checkpoint": str(path), "csv_file": name, **result})
            drawn.append(plots.plot_split(with_face(videos), rule, result))
            print("\n".join(summary.lines(evaluations[-1])))
    results = {
        "schema": SCHEMA,
        "version": VERSION,
        **{name: getattr(flags, name) for name in ("split", "seed", "prior", "precision")},
        "evaluations": evaluations,
        "matrix": compare.matrix(judged, flags.prior, flags.seed),
        "comparisons": compare.compare_with_first(judged, flags.prior, flags.seed)
        if flags.compare
        else [],
    }
    tables = {"scores.csv": compare.tables_of_videos(judged)}
    tables |= {"frames.csv": frame_tables} if flags.per_frame else {}
    write(output, results, tables, drawn)
    print(f"written: {output / 'report.html'}, {METRICS}, {', '.join(tables)} and plots beside it")


def default_output(checkpoint: Path) -> Path:
    """Return the folder of a run or, for a detector that ships, a folder beside those of runs."""
    ships = checkpoint.resolve().parent.parent == detectors.FOLDER
    return Path("checkpoints") / checkpoint.parent.name if ships else checkpoint.parent


def check_flags(flags: argparse.Namespace, paths: list[Path]) -> None:
    """Raise UsageError if flags contradict each other. `paths` are the manifests."""
    for flag, values in (("--checkpoint", flags.checkpoint), ("--csv_file", paths)):
        if len({path.resolve() for path in values}) < len(values):
            raise UsageError(f"{flag} names the same file twice")
    if fits_rule(flags) and any(map(detector_folder.is_detector, flags.checkpoint)):
        raise UsageError("the decision rule of a detector that ships is fixed: name a checkpoint")
    if flags.compare and len(flags.checkpoint) < 2:
        raise UsageError("--compare needs a second --checkpoint")
    if flags.output and flags.output.exists() and not flags.output.is_dir():
        raise UsageError(f"--output: {flags.output} is a file, not a folder")


def make_scorers(
    checkpoint: Path,
    manifests: dict[str, Manifest],
    flags: argparse.Namespace,
    device: torch.device,
) -> dict[str, SplitScorer]:
    """Load a checkpoint and return its scorer for each of the `manifests`, by their names.

    Raise DataError, before any video is scored, if the split of a manifest has no video with a
    face or shares sources with training, or if its crops were made with other settings.
    """
    precision = devices.precision(flags.precision, device)
    detector = load_detector(checkpoint, device, precision)
    workers = cores.loader_workers(flags.workers, device.type == "cuda")
    scorers = {}
    for name, data in manifests.items():
        if data.tracks(flags.split).empty:
            raise DataError(f"{name}: no video of the {flags.split} split has a face")
        scorer = SplitScorer(detector, data, flags.split, flags.batch_size, workers)
        try:
            scorer.check()
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
        scorers[name] = scorer
    return scorers


def group_columns(data: Manifest, requested: list[str], name: str) -> list[str]:
    """Return the columns by which the videos of manifest `name` are grouped: the default ones and
    those `requested`. Raise UsageError if a requested column does not exist, or if the results
    replace it."""
    replaced = score_split.TRACK_COLUMNS | score_split.ADDED_COLUMNS
    known = [column for column in data.table if column not in replaced]
    known = [*known, *video_traits.NUMERIC]
    absent = [column for column in requested if column not in known]
    if absent:
        raise UsageError(
            f"--group_by: {name} has no column {', '.join(absent)}; it has {', '.join(known)}"
        )
    kinds = ["kind"] if (data.table["kind"] != "").any() else []
    return [*dict.fromkeys(["method", *kinds, "codec", *video_traits.NUMERIC, *requested])]


def fits_rule(flags: argparse.Namespace) -> bool:
    """Return whether the flags ask for a new decision rule."""
    values = (flags.error_rate, flags.target_fpr, flags.aggregation)
    return any(value is not None for value in values)


def decision_rule(
    flags: argparse.Namespace, path: Path, scorers: dict[str, SplitScorer]
) -> DecisionRule:
    """Return the decision rule stored in the checkpoint at `path`. If the flags ask for a new one,
    fit it on the validation splits, store it there, and return it instead; raise UsageError if the
    splits have too few videos."""
    if not fits_rule(flags):
        return next(iter(scorers.values())).detector.rule
    target = ErrorTarget(flags.error_rate or ErrorTarget.error_rate, flags.target_fpr)
    aggregations = [flags.aggregation] if flags.aggregation else BY_WORST_PERSON
    try:
        rule = score_split.fit_checkpoint(path, scorers, target, aggregations)
    except TooFewVideos as error:
        raise UsageError(
            f"no decision rule can be fitted: the validation split has {error}"
        ) from error
    print(f"stored in {path}: {rule.fitted}")
    return rule


def evaluate(
    videos: pd.DataFrame, rule: DecisionRule, columns: list[str], flags: argparse.Namespace
) -> dict[str, Any]:
    """Return the decision rule, metrics and baselines for one entry of `evaluations` in
    metrics.json. `videos` has one row per video, with its verdict."""
    with_faces = with_face(videos)
    return {
        "judgement": rule.to_dict(),
        **measure(videos, rule, columns, flags.seed),
        "baselines": {
            "constant": baselines.constant(with_faces, flags.prior),
            "trivial": baselines.trivial(with_faces, flags.prior, flags.seed),
        },
    }


def measure_robustness(
    videos: pd.DataFrame, rule: DecisionRule, scorer: SplitScorer, flags: argparse.Namespace
) -> dict[str, Any]:
    """Return, with --robustness, AUC and error rates after each perturbation: a list with one entry
    per severity, by the name of the perturbation. Otherwise return an empty dict."""
    changes = robustness.all_changes() if flags.robustness else {}
    judged = {}
    for (name, severity), change in tqdm(changes.items(), disable=None, leave=False):
        changed = score_split.add_verdicts(scorer.score_changed(videos, change), rule)
        judged[name, severity] = with_face(changed)
    return robustness.measure(judged, rule, flags.seed)


def measure_frames(
    rule: DecisionRule, scorer: SplitScorer, flags: argparse.Namespace
) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """Return, with --per_frame, a table of all frames, each judged as if it were a video, and their
    number and metrics. Otherwise return an empty table and None."""
    if not flags.per_frame:
        return pd.DataFrame(), None
    frames = score_split.add_frame_verdicts(scorer.score_frames(), rule)
    return frames, {"count": len(frames), "metrics": all_metrics(frames, rule, flags.seed)}


if __name__ == "__main__":
    errors.run(main)
