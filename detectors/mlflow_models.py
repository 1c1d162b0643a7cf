"""Mirrors the registry of detectors in MLflow's, where MLFLOW_TRACKING_URI is set.

The file registry stays the one that decides. MLflow shows a version of the model for each detector
that was promoted, and the alias `production` on the one that judges.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from common import mlflow_client
from common.errors import PipelineError, one_line
from detectors.registry import PRODUCTION, Promotion

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "video-deepfake-detector"  # its name in MLflow's registry, and of the experiment


def mirror(entry: Promotion) -> str | None:
    """Give the alias `production` to the version of a promoted detector, which is made unless it
    exists, and return its number; None without MLFLOW_TRACKING_URI. Raise PipelineError if MLflow
    fails: the file registry is changed all the same."""
    try:
        client = mlflow_client.connect()
        if client is None:
            return None
        version = _version(client, entry)
        client.set_registered_model_alias(MODEL, PRODUCTION, version)
    except Exception as error:  # of many types, by the kind of server
        raise PipelineError(
            f"{entry.path} is in production, but MLflow does not show it: {one_line(error)}"
        ) from error
    return version


def _version(client: "MlflowClient", entry: Promotion) -> str:
    """Return the version of a detector, found by the SHA-256 of its file."""
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    for version in client.search_model_versions(f"name = '{MODEL}'"):
        if version.tags.get("sha256") == entry.sha256:
            return str(version.version)
    number = mlflow_client.experiment(client, MODEL)
    run = client.create_run(number, run_name=Path(entry.path).parent.name)
    client.log_artifact(run.info.run_id, entry.path)
    client.set_terminated(run.info.run_id)
    made = client.create_model_version(
        MODEL, f"{run.info.artifact_uri}", run.info.run_id, tags={"sha256": entry.sha256}
    )
    return str(made.version)
