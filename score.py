"""Judges video files, folders and glob patterns: a verdict for each video.

    python score.py clip.mp4 folder/
    find . -name '*.mp4' | python score.py - --json
    python score.py folder/ --checkpoint checkpoints/<run>/best.pt --watch
    python score.py --checkpoint … --export detector.zip [--int8 videos_df]
    python score.py folder/ --checkpoint detector.zip --backend onnx

Without --checkpoint, the default detector in detectors/ judges.

Writes scores.csv, and scores.json with every person and frame. Exit code 0: every file was judged
(real, fake or uncertain); 1: some files could not be judged; 2: an error, described in one line;
130: ended by Ctrl-C, 143: by SIGTERM (--watch: 0), with the files judged so far in scores.csv. The
exit code says nothing about the verdicts: `uncertain` is one of them.

Imports nothing slow: --help answers at once, and the process that reads videos starts early.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import args
import detectors
from common import errors
from common.errors import UsageError, printable
from common.files import private_files, sweep
from common.lock import only_writer
from common.pages import format_p_fake
from common.version import VERSION
from faces.sampling import Span
from inference import inputs, score_output
from inference.extractor import Extractor
from inference.interrupts import Interrupted, Interrupts
from inference.ledger import Ledger
from inference.score_output import SCHEMA, ScoreFiles
from inference.video_score import VideoScore
from inference.watch import Judge, scans, watch

if TYPE_CHECKING:  # slow
    from inference.scoring_job import ScoringJob
    from scoring.decision_rule import DecisionRule

JUDGED = ("real", "fake", "uncertain")


def main() -> int:
    flags = args.parse_score_flags()
    flags.checkpoint = detectors.find(flags.checkpoint)
    if flags.export:
        return export(flags.checkpoint, flags.export, flags.int8)
    with private_files():
        return score_videos(flags)


def score_videos(flags: argparse.Namespace) -> int:
    """Judge the videos, write the results, and return the exit code."""
    check_flags(flags)
    videos = [] if flags.watch else inputs.find_videos(flags.paths)
    if flags.save_video:
        inputs.check_apart(flags.save_video, flags.paths, videos)
    for folder in output_folders(flags):
        folder.mkdir(parents=True, exist_ok=True)
    with Interrupts() as interrupts, Extractor(flags.timeout) as extractor:
        try:
            return judge(flags, videos, extractor, interrupts)
        except Interrupted as interrupted:
            if flags.watch:
                return 0
            print("interrupted", file=sys.stderr)
            return interrupted.exit_code


def output_folders(flags: argparse.Namespace) -> list[Path]:
    return [*filter(None, (flags.output, flags.report, flags.save_video))]


def judge(
    flags: argparse.Namespace, videos: list[Path], extractor: Extractor, interrupts: Interrupts
) -> int:
    """Judge the videos, or the folders that --watch names, and return the exit code."""
    on_cluster = flags.engine == "ray"
    if not on_cluster:
        extractor.start()  # before the slow imports of make_job
    job = make_job(flags)
    if videos and not on_cluster and not flags.content_checkpoint:
        extractor.expect(videos[0], job.face_config, job.span)
    # With a cluster, this machine needs only the decision rule, and may have no GPU.
    here = replace(job, device="cpu") if on_cluster else job
    video_judge, _ = here.judge, here.gate  # errors in both come before the first video
    rule = video_judge.rule
    shipped = video_judge.detector.about
    if shipped:
        print(f"detector {shipped['name']}: {shipped['licence']}", file=sys.stderr)
    about = {
        "checkpoint": str(flags.checkpoint),
        "checkpoint_sha256": job.checkpoint_digest,
        "judgement": rule.to_dict(),
        "thresholds": thresholds_of(rule),
        "precision": str(video_judge.detector.model.encoder_dtype).removeprefix("torch."),
        "faces": video_judge.detector.faces.mode,
    }
    if flags.content_checkpoint:
        about["content_checkpoint"] = str(flags.content_checkpoint)
        about["content_checkpoint_sha256"] = job.content_digest
    if not flags.json:
        print(f"{'verdict':<10} p_fake faces frames seconds  video")
    with only_writer(flags.output), closing(ScoreFiles(flags.output, about, rule)) as files:
        for folder in filter(None, (flags.report, flags.save_video)):
            sweep(folder)

        def report(score: VideoScore) -> None:
            with interrupts.deferred():
                files.add(score)  # before printing, which fails if the reader of a pipe has exited
            line = json_line(score, rule) if flags.json else text_line(score)
            print(line, flush=True)

        if flags.watch:
            watch_folders(flags, job, extractor, files, report)
            return 0
        judged = 0
        cluster = flags.ray_address
        run = job.run_on_cluster(videos, cluster) if on_cluster else job.run(videos, extractor)
        for score in run:
            report(score)
            judged += score.verdict in JUDGED
    if not flags.json:
        path = score_output.csv_path(flags.output)
        pages = f", pages in {flags.report}" if flags.report else ""
        print(f"{judged} of {len(videos)} videos judged, {describe(rule)}: {path}{pages}")
    return 0 if judged == len(videos) else 1


def check_flags(flags: argparse.Namespace) -> None:
    """Raise UsageError if flags contradict each other, if files in --output would be overwritten
    that do not contain scores, or if --watch gets a PATH that is not a folder."""
    score_output.check(flags.output)
    if flags.watch and flags.engine == "ray":
        raise UsageError("--watch runs on this machine: leave out --engine ray")
    if flags.watch and not all(map(os.path.isdir, flags.paths)):
        raise UsageError("--watch: every PATH must be a folder")


def make_job(flags: argparse.Namespace) -> "ScoringJob":
    from inference.scoring_job import ScoringJob

    return ScoringJob(
        checkpoint=flags.checkpoint.absolute(),
        backend=flags.backend,
        device=flags.device,
        precision=flags.precision,
        prior=flags.prior,
        faces=flags.faces,
        content_checkpoint=flags.content_checkpoint and flags.content_checkpoint.absolute(),
        span=Span(flags.window_seconds, flags.max_seconds),
        batch_size=flags.batch_size,
        timeout=flags.timeout,
        report=flags.report and flags.report.absolute(),
        save_video=flags.save_video and flags.save_video.absolute(),
    )


def export(checkpoint: Path, path: Path, calibration: str | None) -> int:
    """Export the checkpoint to the .zip file `path` for --backend onnx, and return the exit code.
    With the manifest `calibration`, its encoder computes in 8-bit integers. Raise UsageError if
    `path` is not a .zip file in an existing folder."""
    if path.suffix != ".zip" or path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"--export: {path} must be a .zip file in an existing folder")
    from datasets import manifest
    from export import onnx_export

    data = None if calibration is None else manifest.read(manifest.find(calibration))
    print(f"{path}: {onnx_export.export(checkpoint, path, data)}")
    return 0


def watch_folders(
    flags: argparse.Namespace,
    job: "ScoringJob",
    extractor: Extractor,
    files: ScoreFiles,
    report: Callable[[VideoScore], None],
) -> None:
    """Judge every new file in the folders until Ctrl-C or SIGTERM. Results of earlier calls with
    the same settings are first written to `files` again."""
    folders = [Path(path) for path in flags.paths]
    path = score_output.csv_path(flags.output).with_suffix(".sqlite")

    def judge_one(path: Path) -> VideoScore:
        (score,) = job.run([path], extractor)
        return score

    with closing(Ledger(path, job.checkpoint_digest, job.influences)) as ledger:
        for score in ledger:
            files.add(score)
        watch(folders, Judge(judge_one, extractor.sha256, ledger), report, scans())


def text_line(score: VideoScore) -> str:
    """Return a result as one line of the table, with unprintable characters escaped."""
    p_fake = "     —" if score.p_fake is None else f"{score.p_fake:6.3f}"
    warnings = [f"warning: {warning}" for warning in score.warnings]
    notes = "; ".join(filter(None, [score.detail, *warnings]))
    return printable(
        f"{score.verdict:<10} {p_fake} {len(score.people):>5} {score.frames:>6} "
        f"{score.seconds:>7.1f}  {score.video}{f'  ({notes})' if notes else ''}"
    )


def thresholds_of(rule: "DecisionRule") -> dict[str, float]:
    """Return the thresholds as p_fake: real_below and fake_from."""
    return dict(zip(("real_below", "fake_from"), rule.p_fake_thresholds, strict=True))


def json_line(score: VideoScore, rule: "DecisionRule") -> str:
    """Return a result as one line of JSON, without its frames."""
    people = [
        {"person": person.person, "verdict": person.verdict, "p_fake": person.p_fake}
        for person in score.people
    ]
    values = score.summary() | {"p_fake_even": score.p_fake_even(rule)} | thresholds_of(rule)
    return json.dumps({"schema": SCHEMA, "version": VERSION, **values, "people": people})


def describe(rule: "DecisionRule") -> str:
    """Return a text that says whether the rule is calibrated, and its thresholds as p_fake, with
    the prior unless it is one half."""
    from scoring.decision_rule import EVEN_PRIOR

    low, high = rule.p_fake_thresholds
    kind = "calibrated" if rule.fitted else "not calibrated"
    between = f", real below {format_p_fake(low)}, uncertain between" if low < high else ""
    prior = "" if rule.prior == EVEN_PRIOR else f" (for a share of fakes of {rule.prior:g})"
    return f"{kind}, fake from p_fake {format_p_fake(high)}{between}{prior}"


if __name__ == "__main__":
    errors.run(main)
