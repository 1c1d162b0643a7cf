"""Motion of a head, and one video frame rendered from the layers of its scene.

Shapes: T frames; a frame is (FRAME_HEIGHT, FRAME_WIDTH, 3) float32 RGB in [0, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from demo import face
from demo.face import Head, draw_head
from demo.identity import Identity, draw_identity
from demo.scene import FRAME_HEIGHT, FRAME_WIDTH, MARGIN, draw_background, draw_body

OFFSET_PIXELS = 3.0  # largest shift of the inner face, in x and in y
OFFSET_GAIN = 0.16  # largest relative brightness change of the inner face
BODY_FOLLOWS = 0.35  # motion of the shoulders / motion of the head

_DEPTH = face.inner_face_depth()
_WEIGHT = face.offset_weight()


@dataclass(frozen=True)
class Motion:
    """Pose and expression over time: every field is (T,), one value per frame."""

    shift_x: np.ndarray  # pixels
    shift_y: np.ndarray  # pixels
    roll: np.ndarray  # radians
    zoom: np.ndarray  # ratio
    yaw: np.ndarray  # shift of the features against the outline, head units
    pitch: np.ndarray  # as yaw
    eyes_open: np.ndarray  # in [0, 1]
    mouth_open: np.ndarray  # in [0, 1]
    light: np.ndarray  # relative brightness


@dataclass(frozen=True)
class Shot:
    """Everything that determines the frames of a source before camera noise is added."""

    person: Identity
    head: Head
    light: np.ndarray  # (3,) unit vector towards the key light
    background: np.ndarray
    body: np.ndarray
    centre: tuple[float, float]  # centre of the head, pixels
    scale: float  # pixels per head unit
    motion: Motion
    offsets: np.ndarray  # (T, 3): dx, dy in pixels and relative gain of the inner face


@dataclass(frozen=True)
class View:
    """Position of the head in frame ``t``; the input of every manipulation."""

    t: int
    box: tuple[slice, slice]  # rows and columns that hold the head
    depth: np.ndarray  # (h, w) pixels from the edge of the inner face, positive inside
    weight: np.ndarray  # (h, w) in [0, 1]: share of the inner face's offset that a pixel follows
    behind: np.ndarray  # (h, w, 3): the same region of the frame without the head


# A manipulation takes a shot and a random generator, draws its constants once per video and
# returns an edit: (unmanipulated frame, view) → manipulated frame, float32 RGB in [0, 1].
Edit = Callable[[np.ndarray, View], np.ndarray]
Manipulation = Callable[[Shot, np.random.Generator], Edit]


def draw_shot(rng: np.random.Generator, frames: int, fps: int) -> Shot:
    """Draw a person, a background, a light and a motion of ``frames`` frames."""
    person = draw_identity(rng)
    azimuth, elevation = rng.uniform(-0.9, 0.9), rng.uniform(0.2, 0.7)
    light = np.array(
        [
            np.sin(azimuth) * np.cos(elevation),
            -np.sin(elevation),
            np.cos(azimuth) * np.cos(elevation),
        ]
    )
    scale = rng.uniform(53, 69)
    centre = (rng.uniform(135, 185), rng.uniform(100, 114))
    return Shot(
        person=person,
        head=draw_head(person, light),
        light=light,
        background=draw_background(rng),
        body=draw_body(person, light, centre, scale, rng),
        centre=centre,
        scale=scale,
        motion=draw_motion(rng, frames, fps),
        offsets=np.repeat(draw_offsets(rng, 1), frames, axis=0),
    )


def draw_offsets(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return (count, 3): dx and dy in pixels and relative gain of the inner face.

    Real and fake videos draw from this one distribution.
    """
    limit = np.array([OFFSET_PIXELS, OFFSET_PIXELS, OFFSET_GAIN])
    return rng.uniform(-limit, limit, (count, 3))


def draw_motion(rng: np.random.Generator, frames: int, fps: int) -> Motion:
    """Draw sway, blinks and speech of a person who talks to a camera."""
    seconds = np.arange(frames) / fps

    def sway(amplitude: float) -> np.ndarray:
        rates, phases = rng.uniform(0.1, 0.7, 3), rng.uniform(0, 2 * np.pi, 3)
        waves = np.sin(2 * np.pi * rates * seconds[:, None] + phases) * rng.uniform(0.2, 0.7, 3)
        return amplitude * waves.sum(axis=1)

    eyes_open = np.full(frames, rng.uniform(0.8, 1.0))
    for blink in np.arange(rng.uniform(0.1, 1.2), frames / fps, rng.uniform(1.0, 2.5)):
        eyes_open *= 1 - np.exp(-(((seconds - blink) / 0.07) ** 4))
    rates, phases = rng.uniform(2.0, 5.0, 3), rng.uniform(0, 2 * np.pi, 3)
    syllables = np.sin(2 * np.pi * rates * seconds[:, None] + phases).mean(axis=1)
    speaking = 1 / (1 + np.exp(-6 * sway(1.0) - 2))
    return Motion(
        shift_x=sway(6.0),
        shift_y=sway(3.5),
        roll=np.deg2rad(rng.uniform(-5, 5)) + sway(np.deg2rad(3.0)),
        zoom=1 + sway(0.02),
        yaw=rng.uniform(-0.03, 0.03) + sway(0.025),
        pitch=sway(0.015),
        eyes_open=eyes_open,
        mouth_open=np.clip(0.15 + 0.8 * syllables, 0, 1) * speaking,
        light=1 + sway(0.02),
    )


def pose(shot: Shot, t: int) -> np.ndarray:
    """Return the (2, 3) affine matrix from head canvas to frame at time ``t``."""
    motion = shot.motion
    ratio = shot.scale * motion.zoom[t] / face.PIXELS_PER_UNIT
    cos, sin = ratio * np.cos(motion.roll[t]), ratio * np.sin(motion.roll[t])
    linear = np.array([[cos, -sin], [sin, cos]])
    target = np.array(shot.centre) + np.array([motion.shift_x[t], motion.shift_y[t]])
    origin = np.array(face.CENTRE)
    return np.column_stack([linear, target - linear @ origin])


def in_frame(shot: Shot, t: int, point: tuple[float, float]) -> np.ndarray:
    """Return the pixel position (2,) at time ``t`` of a point given in head units."""
    canvas = face.PIXELS_PER_UNIT * np.array(point) + face.CENTRE
    return pose(shot, t) @ [*canvas, 1]


def disc(
    shot: Shot, view: View, centre: tuple[float, float], radius: float, feather: float
) -> np.ndarray:
    """Return a soft disc (h, w) in [0, 1] around a point of the head, cropped to ``view.box``.

    ``centre`` and ``radius`` are in head units; the edge fades over ``feather`` pixels.
    """
    x, y = in_frame(shot, view.t, centre)
    rows, columns = np.mgrid[view.box]
    depth = shot.scale * radius - np.hypot(columns - x, rows - y)
    return np.clip(depth / feather, 0, 1).astype(np.float32)


def render(shot: Shot, t: int) -> tuple[np.ndarray, View]:
    """Return frame ``t``, unmanipulated and without noise, and the position of its head."""
    frame = shot.background.copy()
    move = np.array(
        [
            [1, 0, BODY_FOLLOWS * shot.motion.shift_x[t] - MARGIN],
            [0, 1, BODY_FOLLOWS * shot.motion.shift_y[t] - MARGIN],
        ],
        dtype=np.float32,
    )
    lay_over(frame, cv2.warpAffine(shot.body, move, (FRAME_WIDTH, FRAME_HEIGHT)))
    frame *= np.float32(shot.motion.light[t])
    view = _view(shot, t, frame)
    lay_over(frame[view.box], render_head(shot, shot.head, view))
    return frame, view


def render_head(shot: Shot, head: Head, view: View) -> np.ndarray:
    """Return ``head`` with the shot's pose and expression as a layer (h, w, 4) of ``view.box``."""
    t, motion = view.t, shot.motion
    drawn = head.expression(motion.eyes_open[t], motion.mouth_open[t])
    inverse = cv2.invertAffineTransform(pose(shot, t))
    rows = np.arange(view.box[0].start, view.box[0].stop, dtype=np.float32)[:, None]
    columns = np.arange(view.box[1].start, view.box[1].stop, dtype=np.float32)[None]
    # Turning the head shifts the features against the outline, like the offset does.
    turn = shot.scale * np.array([motion.yaw[t], motion.pitch[t]])
    dx, dy = (shot.offsets[t, :2] + turn).astype(np.float32)
    columns, rows = columns - dx * view.weight, rows - dy * view.weight
    (a, b, c), (d, e, f) = inverse.astype(np.float32)
    layer = cv2.remap(
        drawn, a * columns + b * rows + c, d * columns + e * rows + f, cv2.INTER_LINEAR
    )
    gain = np.float32(motion.light[t]) * (1 + np.float32(shot.offsets[t, 2]) * view.weight)
    return cv2.multiply(layer, cv2.merge([gain, gain, gain, np.ones_like(gain)]))


def lay_over(frame: np.ndarray, layer: np.ndarray) -> None:
    """Composite a premultiplied layer (h, w, 4) onto a frame (h, w, 3), in place."""
    # Three times as fast as NumPy broadcasting over the channels.
    frame *= cv2.cvtColor(1 - layer[..., 3], cv2.COLOR_GRAY2RGB)
    frame += cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB)


def _view(shot: Shot, t: int, frame: np.ndarray) -> View:
    matrix = pose(shot, t)
    corners = np.array([[0, 0, face.WIDTH, face.WIDTH], [0, face.HEIGHT, 0, face.HEIGHT]])
    x, y = matrix[:, :2] @ corners + matrix[:, 2:]
    box = (
        slice(max(int(y.min()), 0), min(int(y.max()) + 1, FRAME_HEIGHT)),
        slice(max(int(x.min()), 0), min(int(x.max()) + 1, FRAME_WIDTH)),
    )
    depth = shot.scale * _warp(_DEPTH, matrix, box, outside=-1.0)
    return View(t, box, depth, _warp(_WEIGHT, matrix, box), frame[box].copy())


def _warp(
    image: np.ndarray, matrix: np.ndarray, box: tuple[slice, slice], outside: float = 0.0
) -> np.ndarray:
    matrix = matrix - [[0, 0, box[1].start], [0, 0, box[0].start]]
    size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    return cv2.warpAffine(image, matrix, size, borderValue=outside)
