"""Logs a run to MLflow, where MLFLOW_TRACKING_URI is set: flags, curves and files.

A server that is lost costs the log, and not the training.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import mlflow_client
from common.errors import one_line
from common.files import write_text
from training.history import EpochRow

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_FILE = "mlflow_run.txt"  # in the run folder: the id of MLflow's run
EXPERIMENT = "video-deepfake-detection"  # unless MLFLOW_EXPERIMENT_NAME names another one
FILES = ("history.csv", "curves.png", "best.pt", "args.json")
MAX_VALUE = 500  # characters of a parameter that every kind of server takes


class MlflowLog:
    """The log of one run."""

    def __init__(self, client: "MlflowClient", folder: Path, flags: dict[str, Any]) -> None:
        """Begin the log, or go on with that of an interrupted run. Raise an exception of MLflow if
        it cannot."""
        self.client, self.folder = client, folder
        file = folder / RUN_FILE
        if file.is_file():
            self.run_id = file.read_text(encoding="utf-8").strip()
            client.update_run(self.run_id, status="RUNNING")
            return
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        number = mlflow_client.experiment(client, name)
        self.run_id = client.create_run(number, run_name=folder.name).info.run_id
        write_text(file, f"{self.run_id}\n")
        for flag, value in flags.items():
            client.log_param(self.run_id, flag, str(value)[:MAX_VALUE])

    def add(self, row: EpochRow) -> None:
        """Log the values of an epoch."""
        for name, value in row.values().items():
            if value is not None and name != "epoch":
                # Classes and collections are folders, whose names MLflow may refuse.
                allowed = re.sub(r"[^\w\-. :/]", "_", name)
                self.client.log_metric(self.run_id, allowed, value, step=row.epoch)

    def finish(self, status: str) -> None:
        """Log the files of the run, and its status: FINISHED, KILLED or FAILED."""
        for name in FILES:
            if (self.folder / name).is_file():
                self.client.log_artifact(self.run_id, str(self.folder / name))
        self.client.set_terminated(self.run_id, status)


def begin(folder: Path, flags: dict[str, Any]) -> "Guarded | None":
    """Return the log of a run; None without MLFLOW_TRACKING_URI. Raise UsageError if MLflow is not
    installed or the server does not answer."""
    client = mlflow_client.connect()
    return None if client is None else Guarded(lambda: MlflowLog(client, folder, flags))


class Guarded:
    """A log that ends, with a warning, at its first failure."""

    def __init__(self, begin: Callable[[], MlflowLog]) -> None:
        self._log: MlflowLog | None = None
        self._log = self._try(begin)

    def add(self, row: EpochRow) -> None:
        if log := self._log:
            self._try(lambda: log.add(row))

    def finish(self, status: str) -> None:
        if log := self._log:
            self._try(lambda: log.finish(status))

    def _try(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:  # of many types, by the kind of server
            print(f"warning: the log in MLflow ends here: {one_line(error)}", file=sys.stderr)
            self._log = None
            return None
