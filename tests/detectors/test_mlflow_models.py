"""Promoted detectors in MLflow's registry, on a store in SQLite."""

from pathlib import Path

import pytest

pytest.importorskip("mlflow")
from mlflow import MlflowClient

import detectors
from common import mlflow_client
from common.errors import PipelineError
from detectors import __main__ as command
from detectors import mlflow_models
from detectors.mlflow_models import MODEL
from detectors.registry import Registry
from tests.helpers.commands import run_here


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.setenv(mlflow_client.VARIABLE, f"sqlite:///{tmp_path / 'mlflow.sqlite'}")
    monkeypatch.chdir(tmp_path)
    found = mlflow_client.connect()
    assert found is not None
    return found


def test_promotions_and_a_rollback_move_the_alias(
    client: MlflowClient, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "CHECKPOINTS", tmp_path / "runs")
    for name in ("a", "b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        copy = tmp_path / "runs" / name / "best.pt"
        copy.write_bytes(checkpoint.read_bytes() + name.encode())
        assert run_here(monkeypatch, command.main, "promote", copy) == 0
    assert client.get_model_version_by_alias(MODEL, "production").version in ("2", 2)
    assert run_here(monkeypatch, command.main, "rollback") == 0
    now = client.get_model_version_by_alias(MODEL, "production")
    entry = Registry(tmp_path / "runs").history()[-1]
    assert now.tags["sha256"] == entry.sha256 and Path(entry.path).parent.name == "a"
    assert len(client.search_model_versions(f"name = '{MODEL}'")) == 2, "none is made twice"
    assert now.run_id
    assert [file.path for file in client.list_artifacts(now.run_id)] == ["best.pt"]


def test_a_server_that_fails_leaves_the_file_registry_and_says_so(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "best.pt").write_bytes(b"x")
    registry = Registry(tmp_path)
    registry.promote(tmp_path / "best.pt")

    def fail(*_: object) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", fail)
    with pytest.raises(PipelineError, match="is in production, but MLflow does not show it"):
        mlflow_models.mirror(registry.history()[-1])
