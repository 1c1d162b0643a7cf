"""A signal ends a call where it is, but never while results are written."""

import signal

import pytest

from inference.interrupts import Interrupted, Interrupts


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_call_with_the_exit_code_of_a_shell(number: signal.Signals) -> None:
    with pytest.raises(Interrupted) as ended, Interrupts():
        signal.raise_signal(number)
    assert ended.value.exit_code == 128 + number


def test_what_is_being_written_is_written_first() -> None:
    written = []
    with pytest.raises(Interrupted), Interrupts() as interrupts:
        with interrupts.deferred():
            signal.raise_signal(signal.SIGTERM)
            written.append("row")
        written.append("another row")
    assert written == ["row"]


def test_a_second_signal_meets_the_handlers_from_before() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        assert signal.getsignal(signal.SIGTERM) != before[0]
        with pytest.raises(Interrupted), interrupts.deferred():
            signal.raise_signal(signal.SIGTERM)
            assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
