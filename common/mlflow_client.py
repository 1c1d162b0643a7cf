"""MLflow's client, where the environment variable MLFLOW_TRACKING_URI names a server or a file."""

import os
import warnings
from typing import TYPE_CHECKING

from common.errors import UsageError, one_line

if TYPE_CHECKING:
    from mlflow import MlflowClient

VARIABLE = "MLFLOW_TRACKING_URI"
# Of a request: without these, a server that does not answer holds a training for minutes.
LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


def connect() -> "MlflowClient | None":
    """Return the client of the server that MLFLOW_TRACKING_URI names; None if it is not set. Raise
    UsageError if MLflow is not installed or the server does not answer."""
    if not os.environ.get(VARIABLE):
        return None
    for name, value in LIMITS.items():
        os.environ.setdefault(name, value)
    try:
        with warnings.catch_warnings(action="ignore"):  # they concern internals of MLflow
            from mlflow import MlflowClient
    except ImportError as error:
        raise UsageError(
            f"{VARIABLE} is set, but MLflow is not installed: pip install -r "
            "requirements-mlflow.txt, or unset it"
        ) from error
    client = MlflowClient()
    try:
        client.search_experiments(max_results=1)
    except Exception as error:  # of many types, by the kind of address
        raise UsageError(f"{VARIABLE} {os.environ[VARIABLE]}: {one_line(error)}") from error
    return client


def experiment(client: "MlflowClient", name: str) -> str:
    """Return the id of the experiment `name`, which is made unless it exists."""
    found = client.get_experiment_by_name(name)
    return found.experiment_id if found else client.create_experiment(name)
