"""Settings of a test run; tests/fixtures.py holds the fixtures."""

import os

# Before torch is imported: the processes of a test run share the cores, so each gets one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import signal

import pytest
from hypothesis import settings

import common  # noqa: F401 (before torch: it sets how threads wait)

# No deadline, because laptops and build machines pause.
settings.register_profile("house", deadline=None, max_examples=60)
settings.register_profile("prove", deadline=None, max_examples=2000)
settings.load_profile("house")

# A shell that starts the tests in the background makes them ignore Ctrl-C, and all processes that
# they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests that use one of these are slow: it starts processes, trains or exports.
SLOW_FIXTURES = {"demo", "detector_zip", "finished_run", "first_run", "whole"}


def pytest_configure(config: pytest.Config) -> None:
    # The first process of a parallel run only distributes the tests. Importing the fixtures would
    # import torch, and the others start after it.
    if not config.getoption("numprocesses", None):
        config.pluginmanager.import_plugin("tests.fixtures")


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    for item in items:
        if SLOW_FIXTURES.intersection(item.fixturenames):
            item.add_marker(pytest.mark.slow)
