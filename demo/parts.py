"""Manipulations confined to one part of the face, away from its centre."""

import numpy as np

from demo.animate import Edit, Manipulation, Shot, View, disc

RADIUS = 0.30  # head units
FEATHER = 3.0  # pixels over which the part fades out


def within_part(make: Manipulation) -> Manipulation:
    """Return ``make`` confined to a disc around one eye or one corner of the mouth."""

    def made(shot: Shot, rng: np.random.Generator) -> Edit:
        person = shot.person
        side = rng.choice([-1, 1])
        eye, corner = (person.eye_x, person.eye_y), (person.mouth_width, person.mouth_y)
        x, y = eye if rng.random() < 0.5 else corner
        edit = make(shot, rng)

        def edit_part(frame: np.ndarray, view: View) -> np.ndarray:
            share = disc(shot, view, (side * x, y), RADIUS, FEATHER)[..., None]
            mixed = frame.copy()
            mixed[view.box] += share * (edit(frame, view)[view.box] - frame[view.box])
            return mixed

        return edit_part

    return made
