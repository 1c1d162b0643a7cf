"""Peak memory is told in bytes, where the system tells it."""

import sys

import pytest

from common import memory


def test_the_peak_is_in_bytes_and_never_falls() -> None:
    before = memory.peak_bytes()
    block = bytearray(64 * 2**20)
    after = memory.peak_bytes()
    assert before is not None and after is not None
    assert 10 * 2**20 < before <= after < 2**40
    assert after >= len(block)


def test_a_system_that_does_not_tell_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert memory.peak_bytes() is memory.peak_bytes(children=True) is None
