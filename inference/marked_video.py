"""Writes a copy of a video with boxes and p_fake drawn around the faces (score.py --save_video)."""

from collections.abc import Generator, Iterable
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from statistics import median

import av
import cv2
import numpy as np

from common.figures import FAKE_COLOUR, REAL_COLOUR, UNCERTAIN_COLOUR, rgb
from common.files import replacing_among_others
from faces.decode import every_frame
from faces.sampling import Span
from faces.timeline import Timeline
from inference.file_facts import derived_name
from inference.video_score import FaceScore, VideoScore

DEFAULT_FPS = 25.0  # frames per second, if the file does not state its frame rate
CLOCK = Fraction(1, 90_000)  # unit of time, seconds; the frames of all usual rates fit into it
COLOURS = {  # verdict → RGB
    "fake": rgb(FAKE_COLOUR),
    "real": rgb(REAL_COLOUR),
    "uncertain": rgb(UNCERTAIN_COLOUR),
}
FONT = cv2.FONT_HERSHEY_SIMPLEX


class _Person:
    """Box and p_fake of a person at any frame, interpolated linearly between the sampled frames."""

    def __init__(self, person: FaceScore, shrink: int) -> None:
        """`shrink` is the size of the video divided by that of its images."""
        self.number, self.verdict = person.person, person.verdict
        self.indices = [frame.index for frame in person.frames]
        self.values = np.array([[*frame.box, frame.p_fake] for frame in person.frames])  # (T, 5)
        self.values[:, :4] /= shrink
        # A sampled frame represents the frames around it, up to half the distance to the next one.
        steps = np.diff(self.indices)
        self.reach = median(steps.tolist()) / 2 if len(steps) else 0.0

    def at(self, index: int) -> np.ndarray | None:
        """Return left, top, right, bottom and p_fake (5,) at the frame `index`. Return None more
        than `reach` frames before the person's first sampled frame or after the last one."""
        if not self.indices[0] - self.reach <= index <= self.indices[-1] + self.reach:
            return None
        return np.array([np.interp(index, self.indices, column) for column in self.values.T])


def write(folder: Path, score: VideoScore, span: Span) -> Generator[None, None, Path]:
    """Write the judged part of a video, marked, as H.264 without sound into `folder`. Yield after
    every frame, and return the path of the new file. Raise OSError if it cannot be written,
    VideoError if the video cannot be read any more."""
    video = Path(score.video)
    path = folder / derived_name(video, score.sha256, ".mp4")
    with every_frame(video) as whole, replacing_among_others(path) as partial:
        people = [_Person(person, whole.shrink) for person in score.people]
        end = whole.timeline.frames_before(span.limit)
        judged = takewhile(lambda numbered: numbered[0] < end, whole.images)
        marked = ((index, _mark(image, index, people)) for index, image in judged)
        try:
            yield from _encode(partial, marked, whole.timeline)
        except av.FFmpegError as error:
            raise OSError(f"{path} cannot be encoded: {error}") from error
    return path


def _mark(image: np.ndarray, number: int, people: Iterable[_Person]) -> np.ndarray:
    """Draw the people's boxes on the frame with index `number`, (H, W, 3) uint8 RGB, and return
    it."""
    image = np.ascontiguousarray(image)
    thickness = max(1, round(min(image.shape[:2]) / 240))  # of lines, in pixels
    for person in people:
        values = person.at(number)
        if values is None:
            continue
        left, top, right, bottom = (round(float(value)) for value in values[:4])
        colour = COLOURS[person.verdict]
        cv2.rectangle(image, (left, top), (right, bottom), colour, thickness)
        text = f"{person.number}: {values[4]:.2f}"
        (width, height), baseline = cv2.getTextSize(text, FONT, 0.4 * thickness, thickness)
        foot = max(top, height + 2 * baseline)
        cv2.rectangle(image, (left, foot - height - 2 * baseline), (left + width, foot), colour, -1)
        origin, white = (left, foot - baseline), (255, 255, 255)
        cv2.putText(image, text, origin, FONT, 0.4 * thickness, white, thickness, cv2.LINE_AA)
    return image


def _encode(
    path: Path, numbered: Iterable[tuple[int, np.ndarray]], timeline: Timeline
) -> Generator[None, None, None]:
    """Write frames, each with its index in `timeline`, so that they are shown when the original's
    are. Yield after each."""
    fps = timeline.fps or DEFAULT_FPS
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast"}
        stream.codec_context.time_base = CLOCK
        time = -1
        for index, image in numbered:
            # yuv420p needs even sides.
            height, width = (side - side % 2 for side in image.shape[:2])
            if time < 0:
                stream.height, stream.width = height, width
            frame = av.VideoFrame.from_ndarray(image[:height, :width], format="rgb24")
            second = timeline.second(index)
            time = max(time + 1, round((index / fps if second is None else second) / CLOCK))
            frame.pts, frame.time_base = time, CLOCK
            container.mux(stream.encode(frame))
            yield
        container.mux(stream.encode())
