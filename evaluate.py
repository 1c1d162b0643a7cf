"""Checkpoints + manifests → metrics with intervals, plots and a report, by default on the test
split.

    python evaluate.py --checkpoint checkpoints/<run>/best.pt

Writes metrics.json, scores.csv, report.html and plots into evaluation_<split>/ beside the
checkpoint.
"""

import args
from common.pages import format_measured

if __name__ == "__main__":
    # --help and wrong flags are answered before slow imports
    args.evaluate_parser().parse_args()


import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from common import devices, errors
from common.errors import DataError, UsageError
from datasets import manifest
from datasets.manifest import Manifest
from evaluation import baselines, compare, plots, robustness, score_split, video_traits
from evaluation.measure import all_metrics, measure, with_face
from evaluation.results import METRICS, write
from scoring.aggregate import BY_WORST_PERSON
from scoring.calibrate import USUAL, Rule, TooFew
from scoring.decision_rule import Judgement
from scoring.detector import Detector
from scoring.load import load_detector

SCHEMA = 2  # of metrics.json; raised when a field changes its meaning

Judged = dict[str, dict[str, pd.DataFrame]]  # checkpoint → manifest → a row per video


def main() -> int:
    flags = args.evaluate_parser().parse_args()
    place = devices.choose(flags.device)
    paths = list(map(manifest.find, flags.csv_file))
    check(flags, paths)
    output = flags.output or flags.checkpoint[0].parent / f"evaluation_{flags.split}"
    output.mkdir(parents=True, exist_ok=True)
    manifests = {str(path): manifest.read(path) for path in paths}
    columns = {name: group_columns(data, flags.group_by, name) for name, data in manifests.items()}
    seen = {name: video_traits.of_videos(data, flags.split) for name, data in manifests.items()}
    judged: Judged = {}
    evaluations, drawn, of_frames = [], [], []
    for path in flags.checkpoint:
        detector = load_detector(path, place, devices.precision(flags.precision, place))
        check_manifests(detector, manifests, flags.split)
        judgement = judgement_of(flags, path, detector, manifests).at_prior(flags.prior)
        judged[str(path)] = {}
        for name, data in manifests.items():
            loading = (flags.batch_size, flags.workers)
            videos = score_split.score(detector, data, flags.split, seen[name], *loading)
            videos = score_split.judge(videos, judgement)
            judged[str(path)][name] = videos
            result = evaluate(videos, judgement, columns[name], flags)
            of_split = (detector, data, flags.split, *loading)
            result["robustness"] = robust(videos, judgement, of_split, flags) or None
            frames, result["frames"] = per_frame(judgement, of_split, flags)
            of_frames.append(frames.assign(checkpoint=str(path), csv_file=name))
            evaluations.append({"checkpoint": str(path), "csv_file": name, **result})
            drawn.append(plots.of_split(with_face(videos), judgement, result))
            say(evaluations[-1])
    results = {
        "schema": SCHEMA,
        **{name: getattr(flags, name) for name in ("split", "seed", "prior", "precision")},
        "evaluations": evaluations,
        "matrix": compare.matrix(judged, flags.prior, flags.seed),
        "comparisons": comparisons(judged, flags) if flags.compare else [],
    }
    of_videos = [
        table.assign(checkpoint=checkpoint, csv_file=name)
        for checkpoint, by_manifest in judged.items()
        for name, table in by_manifest.items()
    ]
    tables = {"scores.csv": of_videos} | ({"frames.csv": of_frames} if flags.per_frame else {})
    write(output, results, tables, drawn)
    print(f"written: {output / 'report.html'}, {METRICS}, {', '.join(tables)} and plots beside it")
    return 0


def check(flags: argparse.Namespace, paths: list[Path]) -> None:
    """Raise UsageError for flags that do not go together."""
    for flag, given in (("--checkpoint", flags.checkpoint), ("--csv_file", paths)):
        if len(set(given)) < len(given):
            raise UsageError(f"{flag} names one file twice")
    if flags.compare and len(flags.checkpoint) < 2:
        raise UsageError("--compare needs a second --checkpoint")
    if asks_for_judgement(flags) and len(paths) > 1:
        raise UsageError("a judgement is fitted on the validation split of one --csv_file")
    if flags.output and flags.output.exists() and not flags.output.is_dir():
        raise UsageError(f"--output: {flags.output} is a file, not a folder")


def check_manifests(detector: Detector, manifests: dict[str, Manifest], name: str) -> None:
    """Before an hour of work: raise DataError for one that the detector must not judge, or in which
    there is nothing to judge."""
    for path, data in manifests.items():
        if data.tracks(name).empty:
            raise DataError(f"{path}: no video of the {name} split has a face")
        try:
            score_split.check(detector, data, name)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error


def group_columns(data: Manifest, asked: list[str], name: str) -> list[str]:
    """What results are broken down by. Raise UsageError for a column that is not there, or whose
    name is taken by what the detector says."""
    taken = score_split.OF_TRACKS | score_split.ADDED
    columns = [column for column in data.table if column not in taken]
    absent = [column for column in asked if column not in [*columns, *video_traits.NUMERIC]]
    if absent:
        known = ", ".join(columns)
        raise UsageError(f"--group_by: {name} has no column {', '.join(absent)}; it has {known}")
    return [*dict.fromkeys(["method", "codec", *video_traits.NUMERIC, *asked])]


def asks_for_judgement(flags: argparse.Namespace) -> bool:
    return any(v is not None for v in (flags.error_rate, flags.target_fpr, flags.aggregation))


def judgement_of(
    flags: argparse.Namespace, path: Path, detector: Detector, manifests: dict[str, Manifest]
) -> Judgement:
    """The checkpoint's own, or one that is fitted now and stored in it."""
    if not asks_for_judgement(flags):
        return detector.judgement
    (data,) = manifests.values()
    asked = Rule(flags.error_rate, flags.target_fpr)
    rules = USUAL if asked == Rule() else (asked,)
    aggregations = [flags.aggregation] if flags.aggregation else BY_WORST_PERSON
    loading = (flags.batch_size, flags.workers)
    try:
        judgement = score_split.calibrate_checkpoint(
            path, detector, data, rules, aggregations, *loading
        )
    except TooFew as error:
        raise UsageError(f"no judgement can be fitted: validation has {error}") from error
    print(f"stored in {path}: {judgement.fitted}")
    return judgement


def evaluate(
    videos: pd.DataFrame, judgement: Judgement, columns: list[str], flags: argparse.Namespace
) -> dict[str, Any]:
    """An entry of `evaluations` in metrics.json, without its names."""
    judged = with_face(videos)
    return {
        "judgement": judgement.to_dict(),
        **measure(videos, judgement, columns, flags.seed),
        "baselines": {
            "constant": baselines.constant(judged, flags.prior),
            "trivial": baselines.trivial(judged, flags.prior, flags.seed),
        },
    }


def robust(
    videos: pd.DataFrame, judgement: Judgement, of_split: tuple, flags: argparse.Namespace
) -> dict[str, Any]:
    """With --robustness: every perturbation → an entry by severity."""
    changes = robustness.all_changes() if flags.robustness else {}
    judged = {}
    for (name, severity), change in tqdm(changes.items(), disable=None, leave=False):
        changed = score_split.judge(score_split.score_changed(videos, change, *of_split), judgement)
        judged[name, severity] = with_face(changed)
    return robustness.measure(judged, judgement, flags.seed)


def per_frame(
    judgement: Judgement, of_split: tuple, flags: argparse.Namespace
) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """With --per_frame: every frame as if it were a video, and what is measured of them."""
    if not flags.per_frame:
        return pd.DataFrame(), None
    detector, data, name, batch_size, _ = of_split
    frames = score_split.judge_frames(
        score_split.frames(detector, data, name, batch_size), judgement
    )
    return frames, {"count": len(frames), "metrics": all_metrics(frames, judgement, flags.seed)}


def comparisons(judged: Judged, flags: argparse.Namespace) -> list[dict[str, Any]]:
    """The first checkpoint beside every other one, on every manifest."""
    (first, tables), *others = judged.items()
    return [
        {
            "first": first,
            "other": other,
            "csv_file": name,
            **compare.differences(tables[name], theirs[name], flags.prior, flags.seed),
        }
        for other, theirs in others
        for name in tables
    ]


def say(result: dict[str, Any]) -> None:
    """What matters most, on the terminal."""
    print(
        f"{result['checkpoint']} on {result['csv_file']}: {result['videos_judged']} of "
        f"{result['videos']} videos judged, {result['sources']} sources"
    )
    print(f"  {result['judgement']['fitted'] or 'not calibrated'}")
    for name in ("auc", "log_loss", "balanced_log_loss", "ece", "accuracy", "uncertain"):
        print(f"  {name:<18} {format_measured(result['metrics'][name])}")
    for name, group in result["groups"]["method"].items():
        if "auc" in group:
            print(f"  auc of {name:<11} {format_measured(group['auc'])}")
    for label, counts in result["verdicts"].items():
        print(f"  {label}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))


if __name__ == "__main__":
    errors.run(main)
