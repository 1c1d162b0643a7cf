"""Manipulations that leave the traces of face-synthesis networks; nothing outside the face changes.

The constants below set their strength: larger values are easier to detect.
"""

from dataclasses import replace

import cv2
import numpy as np

from demo.animate import Edit, Shot, View, draw_offsets, lay_over, render_head
from demo.face import Head, draw_head, inner_face_depth
from demo.identity import draw_identity

SWAP_FEATHER = 4.0  # pixels over which the donor's face fades in
SWAP_LUMINANCE = (0.08, 0.16)  # relative brightness mismatch, either sign
SWAP_CHROMA = (0.16, 0.23)  # relative colour mismatch, any direction of equal brightness
LOW_RESOLUTION_FACTOR = 6.0  # the face is shrunk by this factor and enlarged again
LOW_RESOLUTION_FEATHER = 5.0  # pixels
BLEND_FEATHER = 2.0  # pixels
BLEND_SCALE = (0.04, 0.08)  # relative size change, either sign
BLEND_SHIFT = (2.0, 3.5)  # pixels, any direction
BLEND_COLOUR = (0.18, 0.24)  # relative colour change, any direction
BLEND_DRIFT = 0.3  # pixels by which the blend drifts over time

LUMINANCE = np.array([0.299, 0.587, 0.114])


def identity_swap(shot: Shot, rng: np.random.Generator) -> Edit:
    """Replace the inner face by another person's in the same pose and expression, colours
    mismatched.

    The donor is drawn here and used nowhere else, so no donor is shared between splits.
    """
    # Glasses, beard and hair stay the target's: cut off at the seam, they would be too easy.
    own = shot.person
    stranger = replace(
        draw_identity(rng), hair=own.hair, hair_style="bald", beard=own.beard, glasses=own.glasses
    )
    donor = draw_head(stranger, shot.light)
    gain = _mean_colour(shot.head) / _mean_colour(donor)
    gain *= 1 + _signed(rng, SWAP_LUMINANCE) + _chroma(rng, rng.uniform(*SWAP_CHROMA))

    def edit(frame: np.ndarray, view: View) -> np.ndarray:
        layer = render_head(shot, donor, view)[..., :3]
        return _blend(frame, layer * gain.astype(np.float32), view, SWAP_FEATHER)

    return edit


def low_resolution(shot: Shot, rng: np.random.Generator) -> Edit:
    """Replace the inner face by a low-resolution copy, as a network with few output pixels makes
    it."""
    factor = LOW_RESOLUTION_FACTOR * rng.uniform(0.9, 1.1)

    def edit(frame: np.ndarray, view: View) -> np.ndarray:
        sharp = frame[view.box]
        size = (round(sharp.shape[1] / factor), round(sharp.shape[0] / factor))
        small = cv2.resize(sharp, size, interpolation=cv2.INTER_AREA)
        coarse = cv2.resize(small, sharp.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return _blend(frame, coarse, view, LOW_RESOLUTION_FEATHER)

    return edit


def self_blend(shot: Shot, rng: np.random.Generator) -> Edit:
    """Paste the face onto itself, slightly resized, moved and tinted: a faint seam.

    After Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022.
    """
    scale = 1 + _signed(rng, BLEND_SCALE)
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(*BLEND_SHIFT)
    phase = rng.uniform(0, 2 * np.pi, 2)
    direction = rng.standard_normal(3)
    tint = 1 + direction / np.linalg.norm(direction) * np.sqrt(3) * rng.uniform(*BLEND_COLOUR)

    def edit(frame: np.ndarray, view: View) -> np.ndarray:
        own = frame[view.box]
        rows, columns = np.nonzero(view.depth > 0)
        centre = np.array([columns.mean(), rows.mean()])
        drift = BLEND_DRIFT * np.sin(0.2 * view.t + phase)
        shift = reach * np.array([np.cos(angle), np.sin(angle)]) + drift
        matrix = np.column_stack([scale * np.eye(2), centre * (1 - scale) + shift])
        moved = cv2.warpAffine(own, matrix, own.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        return _blend(frame, moved * tint.astype(np.float32), view, BLEND_FEATHER)

    return edit


def flicker(shot: Shot, rng: np.random.Generator) -> Edit:
    """Draw the inner face's offset anew in every frame: a trace that shows in time alone.

    Real videos draw it once, from the same distribution, so a single frame carries no evidence.
    """
    restless = replace(shot, offsets=draw_offsets(rng, len(shot.offsets)))

    def edit(frame: np.ndarray, view: View) -> np.ndarray:
        moved = frame.copy()
        moved[view.box] = view.behind
        lay_over(moved[view.box], render_head(restless, shot.head, view))
        return moved

    return edit


def _blend(frame: np.ndarray, face: np.ndarray, view: View, feather: float) -> np.ndarray:
    """Blend ``face`` over ``frame`` inside the inner face, fading over ``feather`` pixels."""
    alpha = np.clip(view.depth / feather, 0, 1)[..., None]
    mixed = frame.copy()
    mixed[view.box] += alpha * (face - mixed[view.box])
    return mixed


def _mean_colour(head: Head) -> np.ndarray:
    face = head.expression(1.0, 0.0)[inner_face_depth() > 0]
    return face[:, :3].mean(axis=0)


def _signed(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return rng.choice([-1, 1]) * rng.uniform(*bounds)


def _chroma(rng: np.random.Generator, size: float) -> np.ndarray:
    """Return a colour change (3,) of root mean square ``size`` that keeps the brightness."""
    direction = rng.standard_normal(3)
    direction -= LUMINANCE * (direction @ LUMINANCE) / (LUMINANCE @ LUMINANCE)
    return direction / np.linalg.norm(direction) * np.sqrt(3) * size
