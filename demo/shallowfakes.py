"""Simple edits made without a network ("shallowfakes")."""

import numpy as np

from demo.animate import Edit, Shot, View, disc, draw_shot, in_frame, lay_over, render, render_head
from demo.face import draw_head
from demo.identity import draw_identity

PATCH = 0.22  # radius of the copied patch, head units
PATCH_FEATHER = 1.5  # pixels
SPEED = (0.70, 0.80)  # slowed to about three quarters, as in well-known forgeries
TINT = (0.10, 0.16)  # relative colour change, any direction


def copy_move(shot: Shot, rng: np.random.Generator) -> Edit:
    """Cover one eye with a copied patch of cheek."""
    person = shot.person
    side = rng.choice([-1, 1])
    target, origin = (side * person.eye_x, person.eye_y), (side * 0.42, person.nose_base)

    def edit(frame: np.ndarray, view: View) -> np.ndarray:
        share = disc(shot, view, target, PATCH, PATCH_FEATHER)
        # Whole pixels, so that the copy stays sharp.
        across, down = np.round(in_frame(shot, view.t, origin) - in_frame(shot, view.t, target))
        moved = np.roll(frame, (-int(down), -int(across)), axis=(0, 1))
        changed = frame.copy()
        changed[view.box] += share[..., None] * (moved[view.box] - frame[view.box])
        return changed

    return edit


def splicing(shot: Shot, rng: np.random.Generator) -> Edit:
    """Paste another person's head, lit by another light, onto this body."""
    other = draw_identity(rng)
    donor = draw_head(other, draw_shot(rng, 1, 25).light)

    def edit(frame: np.ndarray, view: View) -> np.ndarray:
        changed = frame.copy()
        changed[view.box] = view.behind
        lay_over(changed[view.box], render_head(shot, donor, view))
        return changed

    return edit


def speed_change(shot: Shot, rng: np.random.Generator) -> Edit:
    """Slow the video down: some frames are shown twice."""
    speed = rng.uniform(*SPEED)

    def edit(frame: np.ndarray, view: View) -> np.ndarray:
        return render(shot, int(speed * view.t))[0]

    return edit


def recolouring(shot: Shot, rng: np.random.Generator) -> Edit:
    """Tint the head alone."""
    direction = rng.standard_normal(3)
    tint = 1 + direction / np.linalg.norm(direction) * np.sqrt(3) * rng.uniform(*TINT)

    def edit(frame: np.ndarray, view: View) -> np.ndarray:
        head = render_head(shot, shot.head, view)[..., 3:]
        changed = frame.copy()
        changed[view.box] *= 1 + head * (tint.astype(np.float32) - 1)
        return changed

    return edit
