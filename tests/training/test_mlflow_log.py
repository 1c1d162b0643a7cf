"""Runs in MLflow, on a store in SQLite: what is logged, and what a lost server costs."""

from pathlib import Path

import pytest

pytest.importorskip("mlflow")
from mlflow import MlflowClient

from common import mlflow_client
from common.errors import UsageError
from training import mlflow_log
from training.history import EpochRow
from training.mlflow_log import EXPERIMENT, RUN_FILE

FLAGS = {"lr": 0.001, "csv_file": ["a.csv"], "weights": None}


def row(epoch: int) -> EpochRow:
    return EpochRow(
        epoch, 0.7, 0.5, 0.6, 0.7, None, 0.001, 10.0, 5.0, 1.0, {"val_f1 R&B (old)": 0.25}
    )


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.setenv(mlflow_client.VARIABLE, f"sqlite:///{tmp_path / 'mlflow.sqlite'}")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    monkeypatch.chdir(tmp_path)  # where the store keeps files
    found = mlflow_client.connect()
    assert found is not None
    return found


def test_a_run_has_its_flags_curves_and_files_and_goes_on_after_an_interruption(
    client: MlflowClient, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "best.pt").write_bytes(b"weights")
    log = mlflow_log.begin(folder, FLAGS)
    assert log is not None
    log.add(row(1))
    log.finish("KILLED")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "KILLED" and run.info.run_name == "run"
    assert (folder / RUN_FILE).read_text().strip() == run.info.run_id
    again = mlflow_log.begin(folder, FLAGS)
    assert again is not None
    again.add(row(2))
    again.finish("FINISHED")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.001", "csv_file": "['a.csv']", "weights": "None"}
    assert run.data.metrics["val_f1 R_B _old_"] == 0.25 and "val_auc" not in run.data.metrics
    steps = [m.step for m in client.get_metric_history(run.info.run_id, "train_loss")]
    assert steps == [1, 2]
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["best.pt"]


def test_without_an_address_nothing_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(mlflow_client.VARIABLE, raising=False)
    assert mlflow_log.begin(tmp_path, FLAGS) is None


def test_a_server_that_is_lost_costs_the_log_and_not_the_training(
    client: MlflowClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = mlflow_log.begin(tmp_path, FLAGS)
    assert log is not None

    def lost(*_: object, **__: object) -> None:
        raise ConnectionError("the server is gone")

    monkeypatch.setattr(MlflowClient, "log_metric", lost)
    log.add(row(1))
    log.add(row(2))
    log.finish("FINISHED")
    assert capsys.readouterr().err.count("the log in MLflow ends here: ConnectionError") == 1


def test_an_address_without_a_server_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv(mlflow_client.VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(UsageError, match=r"MLFLOW_TRACKING_URI http://127\.0\.0\.1:9: "):
        mlflow_log.begin(tmp_path, FLAGS)
