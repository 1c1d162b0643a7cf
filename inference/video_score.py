"""Result records of score.py: video, person, frame."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:  # slow
    from scoring.decision_rule import DecisionRule


@dataclass(frozen=True)
class FrameScore:
    """The result for one sampled frame of a person."""

    index: int  # of the frame in the video
    seconds: float | None  # None if the file does not state its frame rate
    box: list[float]  # left, top, right, bottom in pixels
    confidence: float  # of the face detector, in [0, 1]
    p_fake: float


@dataclass(frozen=True)
class FaceScore:
    """The result for one person in one window of the video."""

    person: int  # number, from 1, over all windows
    verdict: str
    p_fake: float
    frames: list[FrameScore]

    @property
    def timeline(self) -> list[tuple[float | None, float]]:
        """Seconds (None if unknown) and p_fake of every sampled frame."""
        return [(frame.seconds, frame.p_fake) for frame in self.frames]


def most_suspicious(people: Sequence[FaceScore]) -> FaceScore | None:
    """Return the person with the highest p_fake, the first one if several are equal; None if
    `people` is empty."""
    return max(people, key=lambda person: person.p_fake, default=None)


@dataclass(frozen=True)
class VideoScore:
    """The result for one video."""

    video: str  # path as given
    verdict: str
    p_fake: float | None  # None if the video was not judged
    frames: int  # number of sampled frames
    seconds: float  # time that judging took
    detail: str  # notes for the user: reason if not judged, damage, windows, most suspicious person
    warnings: list[str] = field(default_factory=list)  # reasons to trust the verdict less
    people: list[FaceScore] = field(default_factory=list)
    sha256: str = ""  # of the file's content that was decoded; empty if it could not be read

    def summary(self) -> dict[str, Any]:
        """Return the fields as a dict, without `people`, but with their number as `faces`."""
        names = ("video", "verdict", "p_fake", "frames", "seconds", "detail", "warnings", "sha256")
        return {name: getattr(self, name) for name in names} | {"faces": len(self.people)}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def document(self, rule: "DecisionRule") -> dict[str, Any]:
        """Return the entry of scores.json: all fields, and `p_fake_even`. `rule` is the rule that
        the video was judged with."""
        return self.to_dict() | {"p_fake_even": self.p_fake_even(rule)}

    def p_fake_even(self, rule: "DecisionRule") -> float | None:
        """Return p_fake if half of all videos were fake, on which the verdict rests. `rule` is the
        rule that the video was judged with."""
        return None if self.p_fake is None else rule.at_even_odds(self.p_fake)

    @classmethod
    def from_document(cls, values: dict[str, Any]) -> Self:
        """Return the result in an entry that `document` has made."""
        return cls.from_dict({k: value for k, value in values.items() if k != "p_fake_even"})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        people = [
            FaceScore(**person | {"frames": [FrameScore(**frame) for frame in person["frames"]]})
            for person in values["people"]
        ]
        return cls(**values | {"people": people})
