"""Accepted files survive the end of a server; owners see their own files only."""

import sqlite3
from pathlib import Path

import pytest

from common.errors import DataError
from web.store import PAGE, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "videos.sqlite", "settings")


def result(verdict: str) -> dict:
    return {"verdict": verdict, "p_fake": 0.5}


def test_files_are_judged_in_the_order_of_arrival_and_again_after_a_kill(store: Store) -> None:
    for name in "abc":
        store.add(name, "me", f"{name}.mp4", 1, name)
    assert [store.position(v) for n in "abc" if (v := store.find(n, "me"))] == [0, 1, 2]
    first = store.take()
    assert first and first.id == "a" and first.state == "working"
    again = Store(store.path, "settings")  # the first one was killed
    assert [video.id for video in iter(again.take, None)] == ["a", "b", "c"]
    again.finish("a", result("real"))
    assert again.waiting() == 2
    found = again.find("a", "me")
    assert found and found.state == "done" and found.result == result("real")
    assert Store(store.path, "settings").take() is not None


def test_nothing_of_one_owner_is_visible_to_another(store: Store) -> None:
    store.add("a", "me", "a.mp4", 1, "hash")
    store.finish("a", result("fake"))
    assert store.find("a", "you") is None
    assert store.judged_before("hash", "you") is None and store.judged_before("hash", "me")
    assert not store.page("you", None, "", None) and store.page("me", None, "", None)


def test_a_verdict_of_other_settings_or_none_at_all_is_not_given_again(store: Store) -> None:
    store.add("a", "me", "a.mp4", 1, "hash")
    assert store.judged_before("hash", "me") is None, "it waits"
    store.finish("a", result("unreadable"))
    assert store.judged_before("hash", "me") is None, "the cause may be gone"
    store.finish("a", result("fake"))
    assert store.judged_before("hash", "me")
    assert Store(store.path, "another detector").judged_before("hash", "me") is None


def test_a_list_is_searched_filtered_and_continued(store: Store) -> None:
    for number in range(PAGE + 10):
        store.add(f"v{number}", "me", f"Clip_{number}.mp4", 1, "")
    store.finish("v3", result("fake"))
    first = store.page("me", None, "", None)
    rest = store.page("me", None, "", first[-1].number)
    assert [video.id for video in (*first, *rest)] == [f"v{n}" for n in reversed(range(PAGE + 10))]
    assert [video.id for video in store.page("me", "fake", "", None)] == ["v3"]
    assert [video.id for video in store.page("me", None, "clip_5.", None)] == ["v5"]
    assert not store.page("me", None, "%", None), "no pattern"


def test_a_verdict_on_a_deleted_file_is_not_kept(store: Store) -> None:
    store.add("a", "me", "a.mp4", 1, "")
    store.take()
    store.delete("a")
    store.finish("a", result("real"))
    assert store.find("a", "me") is None and not store.ids()


def test_a_store_that_forgets_has_verdicts_in_memory_only(tmp_path: Path) -> None:
    path = tmp_path / "videos.sqlite"
    store = Store(path, "settings", forget=True)
    for name in ("secret_name", "waits"):
        store.add(name, "me", f"{name}.mp4", 5, name)
    store.take()
    store.finish("secret_name", result("fake"))
    found = store.find("secret_name", "me")
    assert found and found.state == "done" and found.result == result("fake")
    assert store.judged_before("secret_name", "me") == found
    assert [video.id for video in store.page("me", None, "", None)] == ["waits", "secret_name"]
    assert [video.id for video in store.page("me", "fake", "", None)] == ["secret_name"]
    assert store.counts() == {"fake": 1} and store.waiting() == 1
    assert [video.id for video in store.expired(float("inf"))] == ["secret_name"]
    assert b"secret_name" not in path.read_bytes(), "not on disk"
    again = Store(path, "settings", forget=True)
    assert again.find("secret_name", "me") is None
    assert (waiting := again.take()) and waiting.id == "waits", "it goes on with what was queued"
    store.delete("secret_name")
    assert store.find("secret_name", "me") is None


def test_a_file_that_is_no_store_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "videos.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(DataError, match="cannot be used as a store"):
        Store(path, "settings")
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE videos (x TEXT)")
    with pytest.raises(DataError, match="cannot be used as a store"):
        Store(tmp_path / "other.sqlite", "settings")
