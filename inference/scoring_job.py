"""One call of score.py as a job: videos → results, here or in the tasks of a cluster."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from common import devices, ray_cluster
from common.errors import UsageError, VideoError
from common.files import sha256
from faces.sampling import Span
from inference.judge import JudgedVideo, VideoJudge
from inference.video_score import VideoScore
from scoring.detector import Detector


@dataclass(frozen=True)
class ScoringJob:
    """All paths are absolute, because other machines have other working directories."""

    checkpoint: Path
    backend: str
    device: str
    precision: str
    prior: float
    span: Span
    batch_size: int
    report: Path | None  # folder of pages
    save_video: Path | None  # folder of marked videos

    @cached_property
    def judge(self) -> VideoJudge:
        """Raise CheckpointError for a checkpoint that cannot be used."""
        detector = load_detector(self.checkpoint, self.backend, self.device, self.precision)
        rule = detector.rule.at_prior(self.prior)
        return VideoJudge(detector, rule, self.span, self.batch_size)

    @cached_property
    def checkpoint_digest(self) -> str:
        """SHA-256 of the checkpoint."""
        return sha256(self.checkpoint)

    def run(self, videos: Iterable[Path]) -> Iterator[VideoScore]:
        """Yield the result of every video, in order, after writing its page and marked video."""
        for judged in self.judge.judge(videos):
            score = judged.score
            try:
                self._write_extras(judged)
            except (OSError, VideoError) as error:  # the verdict is kept
                warning = f"no page or marked video: {error}"
                score = replace(score, warnings=[*score.warnings, warning])
            yield score

    def _write_extras(self, judged: JudgedVideo) -> None:
        """Write what --report and --save_video ask for; imported here, because that is slow."""
        if self.report:
            from inference import clip_report

            about = clip_report.about_model(
                self.checkpoint, self.checkpoint_digest, self.judge.detector
            )
            clip_report.write(self.report, judged, self.judge, about)
        if self.save_video and judged.score.people:
            from inference import marked_video

            marked_video.write(self.save_video, judged.score, self.span)

    def run_on_cluster(self, videos: Sequence[Path], address: str) -> Iterator[VideoScore]:
        """Yield the results, in any order, from the cluster at `address`. Raise the errors of
        ray_cluster.connected."""
        names: dict[str, list[str]] = {}
        for video in videos:
            names.setdefault(str(video.absolute()), []).append(str(video))
        task = replace(self)._task  # of a copy without a loaded model
        with ray_cluster.connected(address, gpus=int(self.device == "cuda")) as run_on_cluster:
            for score in run_on_cluster(task, list(names)):
                yield from (replace(score, video=name) for name in names[score.video])

    def _task(self, videos: Sequence[str]) -> list[VideoScore]:
        return list(self.run(map(Path, videos)))


def load_detector(path: Path, backend: str, device: str, precision: str) -> Detector:
    """Load a checkpoint or an exported detector. The latter does not need the code of models/,
    which is therefore imported here."""
    if backend == "onnx":
        if device == "cuda":
            raise UsageError("--backend onnx runs on the CPU: leave out --device cuda")
        if precision not in ("auto", "float32"):
            raise UsageError("--backend onnx computes in float32: leave out --precision")
        from export.onnx_model import load_exported

        return load_exported(path)
    from scoring import load

    chosen = devices.choose(device)
    return load.load_detector(path, chosen, devices.precision(precision, chosen))
