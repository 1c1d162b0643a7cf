"""A video again, with everybody's face framed and their running p_fake (score.py --save_video)."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from statistics import median

import av
import cv2
import numpy as np

from common.figures import FAKE_COLOUR, REAL_COLOUR, UNCERTAIN_COLOUR, rgb
from common.files import replacing_among_others, sha256
from faces.pyav_video import every_frame
from faces.sampling import Span
from inference.file_facts import name_after
from inference.video_score import FaceScore, VideoScore

RATE = 25.0  # frames per second where the file does not say
COLOURS = {  # RGB
    "fake": rgb(FAKE_COLOUR),
    "real": rgb(REAL_COLOUR),
    "uncertain": rgb(UNCERTAIN_COLOUR),
}
FONT = cv2.FONT_HERSHEY_SIMPLEX


class _Person:
    """Where somebody is at any frame, and with which p_fake: straight between looks."""

    def __init__(self, person: FaceScore) -> None:
        self.number, self.verdict = person.person, person.verdict
        self.looks = [frame.index for frame in person.frames]
        self.values = np.array([[*frame.box, frame.p_fake] for frame in person.frames])  # (T, 5)
        # Looks are in the middle of what they stand for.
        steps = np.diff(self.looks)
        self.reach = median(steps.tolist()) / 2 if len(steps) else 0.0

    def at(self, index: int) -> np.ndarray | None:
        """(5,) box and p_fake; None where nobody was looked for."""
        if not self.looks[0] - self.reach <= index <= self.looks[-1] + self.reach:
            return None
        return np.array([np.interp(index, self.looks, column) for column in self.values.T])


def write(folder: Path, score: VideoScore, span: Span) -> Path:
    """An H.264 file in `folder`, as long as what was looked at, without sound. Raise OSError when
    it cannot be written and VideoError when the video cannot be read any more."""
    video = Path(score.video)
    path = folder / name_after(video, sha256(video), ".mp4")
    people = [_Person(person) for person in score.people]
    with every_frame(video) as (rate, frames), replacing_among_others(path) as partial:
        rate = rate or RATE
        shown = takewhile(lambda numbered: numbered[0] < span.most * rate, enumerate(frames))
        try:
            _encode(partial, (_mark(image, number, people) for number, image in shown), rate)
        except av.FFmpegError as error:
            raise OSError(f"{path} cannot be encoded: {error}") from error
    return path


def _mark(image: np.ndarray, number: int, people: Iterable[_Person]) -> np.ndarray:
    """(H, W, 3) uint8 RGB → the same with frames around faces."""
    image = np.ascontiguousarray(image)
    unit = max(1, round(min(image.shape[:2]) / 240))  # of lines, in pixels
    for person in people:
        found = person.at(number)
        if found is None:
            continue
        left, top, right, bottom = (round(float(value)) for value in found[:4])
        colour = COLOURS[person.verdict]
        cv2.rectangle(image, (left, top), (right, bottom), colour, unit)
        text = f"{person.number}: {found[4]:.2f}"
        (width, height), below = cv2.getTextSize(text, FONT, 0.4 * unit, unit)
        foot = max(top, height + 2 * below)
        cv2.rectangle(image, (left, foot - height - 2 * below), (left + width, foot), colour, -1)
        place = (left, foot - below)
        cv2.putText(image, text, place, FONT, 0.4 * unit, (255, 255, 255), unit, cv2.LINE_AA)
    return image


def _encode(path: Path, images: Iterable[np.ndarray], rate: float) -> None:
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast"}
        for number, image in enumerate(images):
            height, width = (side - side % 2 for side in image.shape[:2])  # as yuv420p asks
            if not number:
                stream.height, stream.width = height, width
            frame = av.VideoFrame.from_ndarray(image[:height, :width], format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
