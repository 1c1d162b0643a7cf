"""Runs one call of score.py: videos → results, on this machine or in tasks of a cluster."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from common import ray_cluster
from common.errors import VideoError
from common.files import private_files, sha256
from common.preprocessing import FaceConfig
from faces.sampling import Span
from inference import face_mode
from inference.detector_content import DetectorContent, read_content
from inference.extractor import Extractor
from inference.judge import JudgedVideo, VideoJudge
from inference.rereader import Rereader
from inference.score_output import SCHEMA
from inference.video_score import VideoScore

if TYPE_CHECKING:
    from inference.content_gate import ContentGate


@dataclass(frozen=True)
class ScoringJob:
    """The settings of judging, such as those of one call of score.py. Paths must be absolute,
    because tasks of a cluster have other working directories."""

    checkpoint: Path
    backend: str  # torch or onnx
    device: str  # auto, cpu or cuda
    precision: str  # auto, float32 or bfloat16
    prior: float  # expected share of fakes
    faces: str | None  # detect, cropped or whole; None: as the detector was trained
    span: Span
    timeout: float  # limit for each window of a video, in seconds
    batch_size: int = 4
    report: Path | None = None  # folder of pages
    save_video: Path | None = None  # folder of marked videos
    # Video → its name on its page; by default that of the file.
    names: Mapping[str, str] = field(default_factory=dict)
    content_checkpoint: Path | None = None  # content classifier that looks at files first

    @cached_property
    def content(self) -> DetectorContent:
        """The content of the checkpoint, read at the first access. Raise CheckpointError if the
        file cannot be used, UsageError if the backend cannot run with `device` or `precision`."""
        return read_content(self.checkpoint, self.backend, self.device, self.precision)

    @cached_property
    def face_config(self) -> FaceConfig:
        """How crops are made; known before the model is built. Raise UsageError if the detector was
        not trained for `faces`."""
        return face_mode.choose(self.content.faces, self.faces)

    @cached_property
    def judge(self) -> VideoJudge:
        """The judge with the detector of the checkpoint, built at the first access. Raise
        CheckpointError if the checkpoint cannot be used, UsageError as `face_config` does."""
        faces = self.face_config
        detector = replace(self.content.build(), faces=faces)
        self.__dict__.pop("content")  # frees a second copy of all weights
        rule = detector.rule.at_prior(self.prior)
        return VideoJudge(detector, rule, self.span, self.batch_size)

    @cached_property
    def gate(self) -> "ContentGate | None":
        """The gate with the content classifier, if there is one, built at the first access. Raise
        CheckpointError or UsageError if it cannot be used."""
        if self.content_checkpoint is None:
            return None
        from inference import content_gate  # needs the code of models/, which onnx does without

        return content_gate.load(self.content_checkpoint, self.device, self.span)

    @cached_property
    def checkpoint_digest(self) -> str:
        """SHA-256 of the checkpoint, as hexadecimal text."""
        return sha256(self.checkpoint)

    @cached_property
    def content_digest(self) -> str:
        """SHA-256 of the content classifier, as hexadecimal text; empty if there is none."""
        return "" if self.content_checkpoint is None else sha256(self.content_checkpoint)

    @property
    def influences(self) -> str:
        """A text that contains everything but the checkpoint that influences a result."""
        names = ("backend", "precision", "prior", "faces", "span", "content_digest")
        values = {name: getattr(self, name) for name in names} | {"schema": SCHEMA}
        return json.dumps(values, sort_keys=True, default=str)

    def run(self, videos: Iterable[Path], extractor: Extractor) -> Iterator[VideoScore]:
        """Yield the result of every video, in order. The page and the marked video, if requested,
        are written first; if that fails, the result gets a warning."""
        for judged in self._judge(videos, extractor):
            score = judged.score
            try:
                self._write_extras(judged, extractor.rereader)
            except (OSError, VideoError) as error:  # the verdict is kept
                warning = f"page or marked video not written: {error}"
                score = replace(score, warnings=[*score.warnings, warning])
            yield score

    def _judge(self, videos: Iterable[Path], extractor: Extractor) -> Iterator[JudgedVideo]:
        """Yield the result of every video, which the detector has judged unless a content
        classifier takes it for something else than a face."""
        if self.gate is None:
            yield from self.judge.judge(videos, extractor)
            return
        for video in videos:
            content, end = self.gate.look(video, extractor)
            if content is not None and not content.is_face:
                yield JudgedVideo(content.refused(end), None)
                continue
            (judged,) = self.judge.judge([video], extractor)
            if content is not None:
                detail = "; ".join(filter(None, (str(content), judged.score.detail)))
                judged = judged._replace(score=replace(judged.score, detail=detail))
            yield judged

    def _write_extras(self, judged: JudgedVideo, rereader: Rereader) -> None:
        """Write the page (--report) and the marked video (--save_video). The modules are imported
        here, because importing them is slow."""
        score = judged.score
        if self.report:
            from inference import clip_report

            facts = file_facts(score, rereader)
            path = self.report / clip_report.file_name(score, facts)
            self.write_page(path, judged, facts, self.names.get(score.video))
        if self.save_video and score.people:
            from inference import marked_video

            for _ in rereader.run(partial(marked_video.write, self.save_video, score, self.span)):
                pass

    def write_page(
        self, path: Path, judged: JudgedVideo, facts: dict[str, str], name: str | None = None
    ) -> None:
        """Write the page of a video to the file `path`; `facts` are a result of `file_facts`,
        `name` is that of the video on the page, if it is not that of the file."""
        from inference import clip_report

        if name is not None:
            judged = judged._replace(score=replace(judged.score, video=name))
            facts = facts | {"file": name}
        about = clip_report.about_model(
            self.checkpoint, self.checkpoint_digest, self.judge.detector
        )
        clip_report.write(path, judged, self.judge, facts, about)

    def run_on_cluster(self, videos: Sequence[Path], address: str) -> Iterator[VideoScore]:
        """Judge the videos on the Ray cluster at `address` and yield the results, in any order.
        Raise UsageError if Ray is not installed or the cluster cannot be used, PipelineError if the
        cluster is lost, and any error that a task raises."""
        names: dict[str, list[str]] = {}
        for video in videos:
            names.setdefault(str(video.absolute()), []).append(str(video))
        task = replace(self)._task  # a copy without the loaded model, which would be sent, too
        with ray_cluster.connected(address, gpus=int(self.device == "cuda")) as run_on_cluster:
            for score in run_on_cluster(task, list(names)):
                yield from (replace(score, video=name) for name in names[score.video])

    def _task(self, videos: Sequence[str]) -> list[VideoScore]:
        with private_files(), Extractor(self.timeout) as extractor:
            extractor.start()
            return list(self.run(map(Path, videos), extractor))


def file_facts(score: VideoScore, rereader: Rereader) -> dict[str, str]:
    """Return label → text about the file of a result, as far as it can be read. Raise OSError if it
    does not exist."""
    from inference.file_facts import read_facts

    path = Path(score.video)
    facts = {"file": path.name, "size": f"{path.stat().st_size:,} bytes"}
    if score.verdict != "timeout":  # it would take as long again
        with suppress(VideoError):  # the page says what is known
            for more in rereader.run(partial(read_facts, path, score.sha256)):
                facts |= more
    return facts
