"""Lets a content classifier look at a file before the detector: a detector of faces says nothing
about animals and cars, and would say it with a probability."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from common import devices
from common.errors import UsageError
from faces.sampling import Span
from inference.answers import End, Window
from inference.extractor import Extractor
from inference.video_score import VideoScore
from scoring.content import FACE_NAMES, ContentClassifier
from scoring.load import load_content


class Content(NamedTuple):
    """What a file shows."""

    name: str  # of its most probable class
    probability: float
    is_face: bool
    frames: int  # number of frames that were looked at
    seconds: float  # time that looking took

    def __str__(self) -> str:
        return f"content: {self.name} (probability {self.probability:.2f})"

    def refused(self, end: End) -> VideoScore:
        """Return the result of a file that the detector does not judge."""
        return VideoScore(
            video=str(end.video),
            verdict="no_face",
            p_fake=None,
            frames=self.frames,
            seconds=round(self.seconds, 2),
            detail=f"{self}: not a human face, and not judged",
            sha256=end.sha256,
        )


@dataclass(frozen=True)
class ContentGate:
    """A content classifier, and the part of a video that it looks at."""

    classifier: ContentClassifier
    face: str  # its class of human faces
    span: Span

    def look(self, video: Path, extractor: Extractor) -> tuple[Content | None, End]:
        """Return what a file shows, and the End of reading it. None: it cannot be read, or has no
        face if the classifier was trained on faces."""
        started = time.monotonic()
        jpegs: list[bytes] = []
        for answer in extractor.extract([video], self.classifier.faces, self.span):
            if isinstance(answer, Window):
                jpegs += [jpeg for track in answer.extraction.tracks for jpeg in track.jpegs]
            else:
                end = answer
        if end.status or not jpegs:
            return None, end
        found = self.classifier.probabilities(jpegs)
        name = max(found, key=lambda name: found[name])
        seconds = time.monotonic() - started
        return Content(name, found[name], name == self.face, len(jpegs), seconds), end


def load(path: Path, device: str, span: Span) -> ContentGate:
    """Return the gate with the content classifier at `path`, which looks at the first window of a
    video. Raise CheckpointError if the file cannot be used, UsageError if not exactly one of its
    classes is that of human faces."""
    classifier = load_content(path, devices.choose(device))
    named = [name for name in classifier.classes if name.lower() in FACE_NAMES]
    if len(named) != 1:
        raise UsageError(
            f"--content_checkpoint {path}: its classes are {', '.join(classifier.classes)}; "
            f"exactly one must be called {', '.join(FACE_NAMES[:-1])} or {FACE_NAMES[-1]}"
        )
    return ContentGate(classifier, named[0], Span(span.window, min(span.window, span.limit)))
