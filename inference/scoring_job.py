"""A call of score.py as something that can be sent elsewhere: videos → their scores, here or in the
tasks of a cluster."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from common import devices, ray_cluster
from common.errors import UsageError, VideoError
from common.files import sha256
from faces.sampling import Span
from inference.judge import Judge, Judged
from inference.video_score import VideoScore
from scoring.detector import Detector


@dataclass(frozen=True)
class Work:
    """Paths are absolute: elsewhere there is another working directory."""

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
    def judge(self) -> Judge:
        """Raise CheckpointError for a checkpoint that is unusable."""
        detector = load(self.checkpoint, self.backend, self.device, self.precision)
        return Judge(detector, detector.judgement.at_prior(self.prior), self.span, self.batch_size)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the checkpoint."""
        return sha256(self.checkpoint)

    def scores(self, videos: Iterable[Path]) -> Iterator[VideoScore]:
        """In that order; and what can be looked at, should it be asked for."""
        for judged in self.judge.judge(videos):
            score = judged.score
            try:
                self._show(judged)
            except (OSError, VideoError) as error:  # the verdict is there all the same
                warning = f"warning: no page or marked video: {error}"
                score = replace(score, detail="; ".join(filter(None, [score.detail, warning])))
            yield score

    def _show(self, judged: Judged) -> None:
        """What --report and --save_video ask for; imported here, for it takes a second."""
        if self.report:
            from inference import clip_report

            about = clip_report.about_model(self.checkpoint, self.digest, self.judge.detector)
            clip_report.write(self.report, judged, self.judge, about)
        if self.save_video and judged.score.people:
            from inference import marked_video

            marked_video.write(self.save_video, judged.score, self.span)

    def on_cluster(self, videos: Sequence[Path], address: str) -> Iterator[VideoScore]:
        """In no fixed order, from the cluster at `address`. Raise what cluster.connected does."""
        named: dict[str, list[str]] = {}
        for video in videos:
            named.setdefault(str(video.absolute()), []).append(str(video))
        task = replace(self)._task  # of a copy that has no model to send yet
        with ray_cluster.connected(address, gpus=int(self.device == "cuda")) as spread:
            for score in spread(task, list(named)):
                yield from (replace(score, video=name) for name in named[score.video])

    def _task(self, videos: Sequence[str]) -> list[VideoScore]:
        return list(self.scores(map(Path, videos)))


def load(path: Path, backend: str, place: str, precision: str) -> Detector:
    """Either way imports what it needs alone: an exported detector does without models/."""
    if backend == "onnx":
        if place == "cuda":
            raise UsageError("--backend onnx computes on the CPU: leave out --device cuda")
        if precision != "float32":
            raise UsageError("--backend onnx computes in float32: leave out --precision")
        from export.onnx_model import load_exported

        return load_exported(path)
    from scoring.load import load_detector

    place = devices.choose(place)
    return load_detector(path, place, devices.precision(precision, place))
