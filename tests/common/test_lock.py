"""Of two processes that would write to one folder, the second is refused."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from common import lock
from common.errors import UsageError
from common.lock import one_shard, only_writer
from tests.helpers.commands import ROOT


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "SECONDS", 0.1)


def test_a_folder_has_one_writer_at_a_time(tmp_path: Path) -> None:
    with only_writer(tmp_path):
        for other in (only_writer(tmp_path), one_shard(tmp_path, 1, 2)):
            with pytest.raises(UsageError, match=f"is writing to {tmp_path}"), other:
                pytest.fail("locked twice")
    with only_writer(tmp_path):
        pass


def test_shards_are_written_side_by_side_but_each_by_one(tmp_path: Path) -> None:
    with ExitStack() as held:
        for k, n in ((1, 2), (2, 2), (1, 3)):
            held.enter_context(one_shard(tmp_path, k, n))
        for other in (one_shard(tmp_path, 2, 2), only_writer(tmp_path)):
            with pytest.raises(UsageError, match="another process"), other:
                pytest.fail("locked twice")
    with only_writer(tmp_path):
        pass


def test_an_error_in_the_block_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(KeyError), only_writer(tmp_path):
        raise KeyError
    with only_writer(tmp_path):
        pass


@pytest.mark.slow
def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    child = f"""
from pathlib import Path
from common.lock import only_writer
with only_writer(Path({str(tmp_path)!r})):
    print("locked", flush=True)
    input()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", child],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdout.readline() == "locked\n"
        with pytest.raises(UsageError, match="another process"), only_writer(tmp_path):
            pytest.fail("locked twice")
        process.send_signal(signal.SIGKILL)
    with only_writer(tmp_path):
        pass


def test_the_writer_deletes_what_a_killed_one_has_left(tmp_path: Path) -> None:
    (tmp_path / ".partial-file").touch()
    (tmp_path / ".partial-folder").mkdir()
    (tmp_path / "scores.csv").touch()
    with only_writer(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "scores.csv"]
