"""A detector for Python programs: judges files, pictures and arrays of frames, as score.py does.

from inference import Detector

with Detector.load() as detector:
    verdict = detector.score("clip.mp4")
print(verdict.verdict, verdict.p_fake)
verdict.save_report("page.html")
"""

import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import numpy as np

import detectors
from common.errors import UsageError
from common.preprocessing import MODES
from faces.limits import MIDWAY
from faces.sampling import Span
from inference.extractor import Extractor
from inference.judge import JudgedVideo
from inference.scoring_job import ScoringJob, file_facts
from inference.video_score import FaceScore

MAX_FRAMES = 10_000  # of an array of frames


@dataclass(frozen=True)
class Verdict:
    """The verdict on one video."""

    judged: JudgedVideo
    detector: "Detector"
    facts: dict[str, str] | None = None  # about a file that is gone

    @property
    def video(self) -> str:
        """The path, as given."""
        return self.judged.score.video

    @property
    def verdict(self) -> str:
        """real, fake, uncertain, no_face, unreadable or timeout."""
        return self.judged.score.verdict

    @property
    def p_fake(self) -> float | None:
        """Calibrated probability that the video is fake, in [0, 1]; None if it was not judged."""
        return self.judged.score.p_fake

    @property
    def people(self) -> list[FaceScore]:
        """The people in the video, each with a verdict and p_fake over time."""
        return self.judged.score.people

    @property
    def detail(self) -> str:
        """Notes, such as the reason if the video was not judged."""
        return self.judged.score.detail

    @property
    def warnings(self) -> list[str]:
        """Reasons to trust the verdict less."""
        return self.judged.score.warnings

    def to_dict(self) -> dict[str, Any]:
        """Return all results as in scores.json of score.py."""
        return self.judged.score.document(self.detector.job.judge.rule)

    def save_report(self, path: str | Path) -> Path:
        """Write the page that explains the verdict, as score.py --report does, and return its path.
        Raise OSError if it cannot be written, or if the video is gone."""
        facts = self.facts or file_facts(self.judged.score, self.detector.extractor.rereader)
        self.detector.job.write_page(Path(path), self.judged, facts)
        return Path(path)


class Detector:
    """A trained detector, and the process that reads videos for it. `close`, or the end of a `with`
    block or of the program, ends the process. For use by one thread at a time."""

    def __init__(self, job: ScoringJob) -> None:
        self.job = job
        self.extractor = Extractor(job.timeout)
        self.extractor.start()  # imports modules while the model is loaded

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        *,
        device: str = "auto",
        backend: str = "torch",
        precision: str = "float32",
        faces: str | None = None,
        prior: float = 0.5,
        window_seconds: float = 60.0,
        max_seconds: float = math.inf,
        timeout: float = 120.0,
    ) -> Self:
        """Return a detector: the name of one that ships, or the file of a checkpoint or, with
        `backend` onnx, of an exported detector; None is the default one. The other arguments are
        flags of score.py with the same names and defaults. Raise UsageError if there is no such
        detector, CheckpointError if its file cannot be used."""
        for name, value, known in (
            ("device", device, ("auto", "cpu", "cuda")),
            ("backend", backend, ("torch", "onnx")),
            ("precision", precision, ("auto", "float32", "bfloat16")),
            ("faces", faces, (None, *MODES)),
        ):
            if value not in known:
                raise UsageError(f"{name} {value!r}: choose from {', '.join(map(str, known))}")
        if not 0 < prior < 1 or not min(window_seconds, max_seconds, timeout) > 0:
            raise UsageError("prior must be between 0 and 1, and times must be above 0")
        path = detectors.find(None if checkpoint is None else Path(checkpoint))
        span = Span(window_seconds, max_seconds)
        detector = cls(
            ScoringJob(
                checkpoint=path.absolute(),
                backend=backend,
                device=device,
                precision=precision,
                prior=prior,
                faces=faces,
                span=span,
                timeout=timeout,
            )
        )
        try:
            detector.job.judge  # noqa: B018 (loads the model, or raises)
        except BaseException:
            detector.close()
            raise
        return detector

    def score(self, video: str | Path) -> Verdict:
        """Judge one video or picture. A file that cannot be read raises no error: its verdict is
        `unreadable` or `timeout`."""
        (verdict,) = self.score_many([video])
        return verdict

    def score_many(self, videos: Iterable[str | Path]) -> Iterator[Verdict]:
        """Yield the verdict on every video, in order, as soon as it is known. While the model
        judges one, the next one is read: faster than calls of `score`."""
        for judged in self.job.judge.judge(map(Path, videos), self.extractor):
            yield Verdict(judged, self)

    def score_frames(self, frames: Iterable[np.ndarray], fps: float = 25.0) -> Verdict:
        """Judge frames (H, W, 3) uint8 RGB as one video of `fps` frames per second. Raise
        UsageError if they are not such frames, of one size, or too many.

        They are stored without loss, as FFV1. A detector that knows the codecs and the compression
        of its training videos says that these are others, and is `uncertain` more often.
        """
        if not 0.1 <= fps <= 1000:
            raise UsageError(f"fps {fps}: give a number from 0.1 to 1000")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "frames.mkv"
            _write(frames, path, fps)
            (judged,) = self.job.judge.judge([path], self.extractor)
            facts = file_facts(judged.score, self.extractor.rereader)
        score = replace(judged.score, video=path.name)
        return Verdict(judged._replace(score=score), self, facts)

    def close(self) -> None:
        """End the process that reads videos, whatever it does."""
        self.extractor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _write(frames: Iterable[np.ndarray], path: Path, fps: float) -> None:
    """Write frames as a video without loss."""
    rate = Fraction(fps).limit_denominator(1001)
    shape: tuple[int, ...] = ()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        assert isinstance(stream, av.VideoStream)
        for number, frame in enumerate(frames):
            shape = shape or np.shape(frame)
            _check(frame, shape)
            if number == MAX_FRAMES:
                raise UsageError(f"more than {MAX_FRAMES} frames: judge them in parts")
            stream.height, stream.width, stream.pix_fmt = shape[0], shape[1], "bgr0"
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        if not shape:
            raise UsageError("no frame to judge")
        container.mux(stream.encode(None))


def _check(frame: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raise UsageError unless `frame` is a picture (H, W, 3) uint8 of this shape."""
    is_picture = isinstance(frame, np.ndarray) and frame.dtype == np.uint8
    if not is_picture or len(shape) != 3 or shape[2] != 3 or frame.shape != shape:
        raise UsageError("frames must be arrays (H, W, 3) uint8 RGB, all of one size")
    if not 0 < math.prod(shape[:2]) <= MIDWAY:
        raise UsageError(f"frames of {shape[1]} × {shape[0]} pixels: at most {MIDWAY:,} pixels")
