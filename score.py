"""Video files, folders and globs → a verdict each.

    python score.py clip.mp4 folder/ --checkpoint checkpoints/<run>/best.pt --output scores.csv
    find . -name '*.mp4' | python score.py - --checkpoint … --json
    python score.py folder/ --checkpoint … --watch
    python score.py --checkpoint … --export detector.zip
    python score.py folder/ --checkpoint detector.zip --backend onnx

Writes scores.csv, and beside it scores.json with every person and frame. Exit code 0 when every
file was judged (real, fake or uncertain), 1 when some could not be, 2 when the call cannot be
served.
"""

import args
from common.pages import format_p_fake

if __name__ == "__main__":
    args.score_flags()  # --help and wrong flags are answered before slow imports


import argparse
import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from common import errors
from common.errors import UsageError
from common.signals import stop_request
from faces.sampling import Span
from inference import inputs, score_output
from inference.ledger import Ledger
from inference.score_output import SCHEMA, ScoreFiles
from inference.scoring_job import Work
from inference.video_score import VideoScore
from inference.watch import looks, watch
from scoring.decision_rule import Judgement

JUDGED = ("real", "fake", "uncertain")


def main() -> int:
    flags = args.score_flags()
    if flags.export:
        return export(flags.checkpoint, flags.export)
    check(flags)
    videos = [] if flags.watch else inputs.find_videos(flags.paths)
    if flags.save_video:
        inputs.check_apart(flags.save_video, flags.paths, videos)
    for folder in filter(None, (flags.report, flags.save_video)):
        folder.mkdir(parents=True, exist_ok=True)
    work = Work(
        flags.checkpoint.absolute(),
        flags.backend,
        flags.device,
        flags.precision,
        flags.prior,
        Span(flags.every, flags.max_seconds),
        flags.batch_size,
        flags.report and flags.report.absolute(),
        flags.save_video and flags.save_video.absolute(),
    )
    spread = flags.engine == "ray"
    # On a cluster this machine needs no model, and maybe has no GPU.
    judgement = (replace(work, device="cpu") if spread else work).judge.judgement
    thresholds = dict(zip(("real_below", "fake_from"), judgement.turns, strict=True))  # of p_fake
    about = {
        "checkpoint": str(flags.checkpoint),
        "checkpoint_sha256": work.digest,
        "judgement": judgement.to_dict(),
        "thresholds": thresholds,
        "precision": flags.precision,
    }
    if not flags.json:
        print(f"{'verdict':<10} p_fake faces frames seconds  video")
    with closing(ScoreFiles(flags.output, about)) as files:

        def say(score: VideoScore) -> None:
            files.add(score)  # first: whoever reads the lines may have gone
            print(json_line(score, thresholds) if flags.json else line(score), flush=True)

        if flags.watch:
            return watch_folders(flags, work, files, say)
        judged = 0
        for score in work.on_cluster(videos, flags.ray_address) if spread else work.scores(videos):
            say(score)
            judged += score.verdict in JUDGED
    if not flags.json:
        print(f"{judged} of {len(videos)} videos judged, {meaning(judgement)}: {flags.output}")
    return 0 if judged == len(videos) else 1


def check(flags: argparse.Namespace) -> None:
    """Raise UsageError for flags that cannot be served."""
    score_output.check(flags.output)
    if flags.watch and flags.engine == "ray":
        raise UsageError("--watch judges here: leave out --engine ray")
    if flags.watch and not all(map(os.path.isdir, flags.paths)):
        raise UsageError("--watch looks into folders: every PATH must be one")


def export(checkpoint: Path, path: Path) -> int:
    """The checkpoint as one file for --backend onnx."""
    if path.suffix != ".zip" or path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"--export: {path} should be a .zip in a folder that is there")
    from export import onnx_export

    difference = onnx_export.export(checkpoint, path)
    print(f"{path}: judges as {checkpoint}, to within {difference:.1e} in logits and p_fake")
    return 0


def watch_folders(
    flags: argparse.Namespace, work: Work, files: ScoreFiles, say: Callable[[VideoScore], None]
) -> int:
    """Until Ctrl-C or SIGTERM; what earlier calls have scored is in the files again."""
    ways = {name: getattr(flags, name) for name in ("every", "max_seconds", "precision")}
    ways["schema"] = SCHEMA
    settings = json.dumps(work.judge.judgement.to_dict() | ways, sort_keys=True)
    folders = [Path(path) for path in flags.paths]
    with (
        closing(Ledger(flags.output.with_suffix(".sqlite"), work.digest, settings)) as ledger,
        stop_request() as stop,
    ):
        for score in ledger:
            files.add(score)
        watch(folders, lambda path: next(work.scores([path])), ledger, say, looks(stop), stop)
    return 0


def line(score: VideoScore) -> str:
    """For the terminal. What a file is called must not look like another line, or steer it."""
    p_fake = "     —" if score.p_fake is None else f"{score.p_fake:6.3f}"
    text = (
        f"{score.verdict:<10} {p_fake} {len(score.people):>5} {score.frames:>6} "
        f"{score.seconds:>7.1f}  {score.video}{f'  ({score.detail})' if score.detail else ''}"
    )
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return "".join(shown)


def json_line(score: VideoScore, thresholds: dict[str, float]) -> str:
    """For pipes: all but the frames."""
    people = [
        {"person": person.person, "verdict": person.verdict, "p_fake": person.p_fake}
        for person in score.people
    ]
    return json.dumps({"schema": SCHEMA, **score.row(), **thresholds, "people": people})


def meaning(judgement: Judgement) -> str:
    """Where verdicts turn, on the scale of p_fake."""
    low, high = judgement.turns
    kind = "calibrated" if judgement.fitted else "not calibrated"
    between = f", real below {format_p_fake(low)}, uncertain between" if low < high else ""
    return f"{kind}, fake from p_fake {format_p_fake(high)}{between}"


if __name__ == "__main__":
    errors.run(main)
