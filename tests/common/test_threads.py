"""Threads leave their core to other processes while they wait, whatever imports torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common import threads

# Prints the settings at the moment at which torch is imported, and ends.
PROBE = """
import os, runpy, sys
def check(event, arguments):
    if event == "import" and arguments[0] == "torch":
        print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"), flush=True)
        os._exit(0)
sys.addaudithook(check)
name = sys.argv[1]
sys.argv = [name, *sys.argv[2:]]
if name.endswith(".py"):
    runpy.run_path(name)
else:
    runpy.run_module(name)
"""
SCRIPTS = ["train.py", "evaluate.py", "preprocess_dfdc.py"]
MODULES = ["models", "datasets.splits", "benchmarks.training", "inference.extractor_process"]


OWN = [({}, "PASSIVE 3000"), ({threads.POLICY: "ACTIVE"}, "ACTIVE None")]


@pytest.mark.parametrize("name", [*SCRIPTS, *MODULES])
@pytest.mark.parametrize(("own", "expected"), OWN, ids=["by default", "set by the user"])
def test_the_settings_are_made_before_torch_is_imported(
    repository: Path, name: str, own: dict[str, str], expected: str
) -> None:
    others = {k: v for k, v in os.environ.items() if k not in threads.SETTINGS}
    found = subprocess.run(
        [sys.executable, "-c", PROBE, name],
        cwd=repository,
        env={**others, **own, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == expected, found.stderr


def test_only_a_user_without_settings_gets_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in threads.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    threads.wait_politely()
    assert threads.settings() == threads.SETTINGS
    assert threads.describe() == "OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=3000"
    monkeypatch.setenv(threads.SPINS, "7")
    monkeypatch.delenv(threads.POLICY)
    threads.wait_politely()
    assert threads.settings() == {threads.SPINS: "7"}
