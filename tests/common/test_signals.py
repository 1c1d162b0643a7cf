"""Child processes do not see the signals that the main process handles."""

import signal

import pytest

from common.signals import blocked_in_children


def test_signals_are_blocked_in_the_block_only() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with blocked_in_children(signal.SIGINT, signal.SIGTERM):
        assert {signal.SIGINT, signal.SIGTERM} <= signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_processes_start_where_there_are_no_signal_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.delattr(signal, "pthread_sigmask")
    with blocked_in_children(signal.SIGINT):
        pass
