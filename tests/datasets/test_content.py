"""Files with the same bytes are found, and their groups become one."""

from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from common.files import sha256
from datasets import content, groups, splits


def test_equal_files_are_found_and_equal_sizes_are_not_enough(tmp_path: Path) -> None:
    for name, data in {"a": b"one", "b": b"two", "c": b"one", "d": b"", "e": b""}.items():
        (tmp_path / name).write_bytes(data)
    files = {path.name: path for path in sorted(tmp_path.iterdir())}
    assert content.same(files, {}) == [["a", "c"]]


def test_a_file_that_is_gone_is_known_by_its_size_and_digest(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.write_bytes(b"one")
    one = (3, sha256(here))
    assert content.same({"here": here}, {"gone": one}) == [["here", "gone"]]
    assert content.same({}, {"gone": one, "also": one}) == [["gone", "also"]]
    assert content.same({"here": here}, {"gone": (3, "other"), "longer": (4, one[1])}) == []


def test_groups_with_a_common_video_become_one_and_others_stay() -> None:
    group = pd.Series(["x", "y", "y", "z", "w"])
    merged = splits.merge(group, [[0, 1], [2, 3]])
    assert merged.tolist() == ["x", "x", "x", "x", "w"]


pairs = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")))


@given(pairs)
def test_joining_is_the_smallest_relation_that_holds_all_pairs(
    pairs: list[tuple[str, str]],
) -> None:
    joined = groups.join(pairs)
    assert all(joined[one] == joined[other] for one, other in pairs)
    # Plain closure: names are one group only when a chain of pairs leads from one to the other.
    for name in joined:
        reached, before = {name}, set()
        while reached != before:
            before = set(reached)
            reached |= {x for pair in pairs if before & set(pair) for x in pair}
        assert {other for other in joined if joined[other] == joined[name]} == reached
        assert joined[name] == min(reached)


def test_equal_folders_of_frames_are_found(tmp_path: Path) -> None:
    for name, images in {"a": ["one", "two"], "b": ["two", "one"], "c": ["one", "two"]}.items():
        (tmp_path / name).mkdir()
        for number, data in enumerate(images):
            (tmp_path / name / f"{number}.png").write_text(data)
    folders = {path.name: path for path in sorted(tmp_path.iterdir())}
    assert content.same(folders, {}) == [["a", "c"]]
