"""What is said of a video, of every person in it and of every frame."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

WARNING = "warning: "  # begins what a detail says of a clip unlike all training


@dataclass(frozen=True)
class FrameScore:
    index: int  # in the video
    seconds: float | None  # None when the file does not tell its frame rate
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
    """The first of those with the highest p_fake; None of nobody."""
    return max(people, key=lambda person: person.p_fake, default=None)


@dataclass(frozen=True)
class VideoScore:
    """What is said of a video; `row` is its line in scores.csv."""

    video: str
    verdict: str
    p_fake: float | None  # None where there was nothing to judge
    frames: int  # looked at
    seconds: float  # that judging took
    detail: str
    people: list[FaceScore] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        names = ("video", "verdict", "p_fake", "frames", "seconds", "detail")
        values = {name: getattr(self, name) for name in names}
        return {**values, "faces": len(self.people)}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        people = [
            FaceScore(**person | {"frames": [FrameScore(**frame) for frame in person["frames"]]})
            for person in values["people"]
        ]
        return cls(**values | {"people": people})
