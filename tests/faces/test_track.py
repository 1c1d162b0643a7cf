"""One track per person, each detection in exactly one track."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faces.detect import LONG_GAP, Detection
from faces.track import MAX_GROWTH, MAX_LEAP, MAX_STEP, Track, link

SIDE = 40.0


def face(x: float, y: float = 100.0, side: float = SIDE) -> Detection:
    """A face with its centre at (x, y)."""
    box = np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2])
    return Detection(box, np.full((5, 2), x), 0.99)


def middles(track: Track) -> list[float]:
    return [float(d.box[0] + d.box[2]) / 2 for d in track.detections]


def linked(frames: list[list[Detection]]) -> list[Track]:
    """In frames that follow each other in the video."""
    return link(frames, list(range(len(frames))))


def test_no_frames_and_empty_frames_give_no_tracks() -> None:
    assert linked([]) == []
    assert linked([[], [], []]) == []


def test_a_person_who_moves_slowly_is_one_track() -> None:
    (track,) = linked([[face(100 + 10 * t)] for t in range(8)])
    assert track.positions == list(range(8))
    assert middles(track) == [100 + 10 * t for t in range(8)]


def test_two_people_are_two_tracks_in_whatever_order_they_are_found() -> None:
    """MTCNN orders faces by size or confidence, which changes from frame to frame."""
    frames = [[face(100 + t), face(300 - t)] for t in range(6)]
    for t in (1, 2, 4):
        frames[t].reverse()
    first, second = linked(frames)
    assert first.positions == second.positions == list(range(6))
    assert middles(first) == [100 + t for t in range(6)]
    assert middles(second) == [300 - t for t in range(6)]


def test_two_people_who_pass_each_other_stay_two_tracks() -> None:
    """One goes right above, one goes left below; in the middle they are side by side."""
    frames = [[face(100 + 20 * t, y=80), face(300 - 20 * t, y=130)] for t in range(11)]
    first, second = linked(frames)
    assert middles(first) == [100 + 20 * t for t in range(11)]
    assert middles(second) == [300 - 20 * t for t in range(11)]


def test_the_nearer_face_is_taken_first() -> None:
    """A newcomer within reach does not take the place of the one who has hardly moved."""
    frames = [[face(100)], [face(80), face(101)]]
    first, newcomer = linked(frames)
    assert middles(first) == [100, 101]
    assert (newcomer.positions, middles(newcomer)) == ([1], [80])


def test_a_gap_is_bridged() -> None:
    (track,) = linked([[face(100)], [], [], [face(105)]])
    assert track.positions == [0, 3]


def test_a_gap_of_one_person_leaves_the_other_alone() -> None:
    first, second = linked([[face(100), face(300)], [face(300)], [face(100), face(300)]])
    assert (first.positions, second.positions) == ([0, 2], [0, 1, 2])


def test_a_jump_to_far_away_begins_a_new_track() -> None:
    first, second = linked([[face(100)], [face(102)], [face(500)], [face(502)]])
    assert (first.positions, second.positions) == ([0, 1], [2, 3])


def test_the_reach_of_a_step_is_told_in_box_sides() -> None:
    assert len(linked([[face(100)], [face(100 + 0.99 * MAX_STEP * SIDE)]])) == 1
    assert len(linked([[face(100)], [face(100 + 1.01 * MAX_STEP * SIDE)]])) == 2


def test_somebody_may_have_moved_further_over_a_long_gap() -> None:
    reach = MAX_LEAP * SIDE
    assert len(link([[face(100)], [face(100 + 0.99 * reach)]], [5, 6 + LONG_GAP])) == 1
    assert len(link([[face(100)], [face(100 + 1.01 * reach)]], [5, 6 + LONG_GAP])) == 2
    assert len(link([[face(100)], [face(100 + 0.99 * reach)]], [5, 5 + LONG_GAP])) == 2


def test_a_face_of_quite_another_size_is_another_person() -> None:
    assert len(linked([[face(100)], [face(100, side=SIDE * MAX_GROWTH * 0.99)]])) == 1
    assert len(linked([[face(100)], [face(100, side=SIDE * MAX_GROWTH * 1.01)]])) == 2


def test_tracks_that_begin_together_come_from_left_to_right() -> None:
    tracks = linked([[face(500), face(100), face(300)]])
    assert [middles(track) for track in tracks] == [[100], [300], [500]]


coordinates = st.floats(0, 400, allow_nan=False)
detections = st.builds(face, coordinates, coordinates, st.floats(0, 200, allow_nan=False))


@given(st.lists(st.lists(detections, max_size=4), max_size=8))
def test_each_detection_is_in_exactly_one_track(frames: list[list[Detection]]) -> None:
    tracks = linked(frames)
    pairs = [
        (position, id(detection))
        for track in tracks
        for position, detection in zip(track.positions, track.detections, strict=True)
    ]
    given_ = [(t, id(detection)) for t, faces in enumerate(frames) for detection in faces]
    assert sorted(pairs) == sorted(given_)
    for track in tracks:
        assert track.positions == sorted(set(track.positions)), "at most one face a frame"
