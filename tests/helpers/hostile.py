"""Files that are no videos, or hardly, and what each must come to."""

import tempfile
from pathlib import Path

import numpy as np

from tests.helpers.video_files import (
    cut,
    cut_index,
    greys,
    noisy,
    side_by_side,
    write_sound,
    write_video,
)

# File name → status, people found
EXPECTED = {
    "audio.mp4": ("unreadable", 0),
    "black.mp4": ("no_face", 0),
    "empty.mp4": ("unreadable", 0),
    "header_lost.mp4": ("unreadable", 0),
    "most_lost.mp4": ("unreadable", 0),
    "one_frame.mp4": ("ok", 1),
    "tail_lost.mp4": ("ok", 1),
    "text.mp4": ("unreadable", 0),
    "tiny.mp4": ("no_face", 0),
    "two_people.mp4": ("ok", 2),
    "whole.mp4": ("ok", 1),
}


def write_hostile(folder: Path, heads: list[list[np.ndarray]]) -> None:
    """The files of EXPECTED; `heads` are the frames of two people."""
    write_sound(folder / "audio.mp4")
    write_video(folder / "black.mp4", [np.zeros((240, 320, 3), np.uint8)] * 8)
    (folder / "empty.mp4").touch()
    write_video(folder / "one_frame.mp4", heads[0][:1])
    whole = write_video(folder / "whole.mp4", noisy(heads[1] * 2))
    cut(whole, folder / "tail_lost.mp4", 0.7)
    cut(whole, folder / "most_lost.mp4", 0.2)
    (folder / "text.mp4").write_text("not a video\n" * 50)
    write_video(folder / "tiny.mp4", greys(8, 16, 16))
    write_video(folder / "two_people.mp4", side_by_side(*heads))
    with tempfile.TemporaryDirectory() as elsewhere:
        late = write_video(Path(elsewhere) / "late.mp4", heads[0], index_first=False)
        cut_index(late, folder / "header_lost.mp4")
