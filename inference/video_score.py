"""Result records of score.py: video, person, frame."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class FrameScore:
    """One frame of a person."""

    index: int  # in the video
    seconds: float | None  # None if the file does not state its frame rate
    box: list[float]  # left, top, right, bottom in pixels
    confidence: float  # of the box, [0, 1]
    p_fake: float


@dataclass(frozen=True)
class FaceScore:
    """One person, in one window of the video."""

    person: int  # from 1
    verdict: str
    p_fake: float
    frames: list[FrameScore]


def most_suspicious(people: Sequence[FaceScore]) -> FaceScore | None:
    """Return the person with the highest p_fake, the first one of several; None if there is
    nobody."""
    return max(people, key=lambda person: person.p_fake, default=None)


@dataclass(frozen=True)
class VideoScore:
    """The result for one video."""

    video: str  # path as given
    verdict: str
    p_fake: float | None  # None if the video was not judged
    frames: int  # sampled
    seconds: float  # that judging took
    detail: str  # for the user: why there is no verdict, damage, windows, who decided
    warnings: list[str] = field(default_factory=list)  # reasons to trust the verdict less
    people: list[FaceScore] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return the result without its people, but their number as `faces`."""
        names = ("video", "verdict", "p_fake", "frames", "seconds", "detail", "warnings")
        return {name: getattr(self, name) for name in names} | {"faces": len(self.people)}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        people = [
            FaceScore(**person | {"frames": [FrameScore(**frame) for frame in person["frames"]]})
            for person in values["people"]
        ]
        return cls(**values | {"people": people})
