"""A Ray cluster judges what serve.py has accepted."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from inference.scoring_job import ScoringJob
from inference.video_score import VideoScore
from tests.web.conftest import JOB, SETTINGS, judged
from web.app import make_app
from web.judging import Cluster


@pytest.mark.slow
def test_a_cluster_gives_the_verdict_and_the_page_of_this_machine(
    talking_heads: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    clip = (talking_heads / "new" / "new_fake.mp4").read_bytes()
    results = []
    for cluster in (None, Cluster("local", "cpu")):
        settings = replace(SETTINGS, folder=tmp_path / str(bool(cluster)))
        with TestClient(make_app(settings, JOB, cluster=cluster)) as client:
            sent = client.post("/v1/videos?name=clip.mp4", content=clip).json()
            answer = judged(client, sent["id"], seconds=300)  # starting Ray takes longest
            page = client.get(f"/v1/videos/{sent['id']}/report").text
            assert "clip.mp4" in page and sent["id"] not in page
            assert not list(settings.drafts.iterdir())
            results.append(answer["result"] | {"seconds": 0})
    here, there = results
    assert there["verdict"] == here["verdict"] and there["sha256"] == here["sha256"]
    assert there["p_fake"] == pytest.approx(here["p_fake"], abs=1e-5)
    assert len(there["people"]) == len(here["people"])


def test_files_that_wait_are_given_to_a_cluster_together_and_its_end_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def run(job: ScoringJob, videos: list[Path], address: str) -> Iterator[VideoScore]:
        calls.append(len(videos))
        assert job.names == {str(videos[0].absolute()): "a.mp4"} and address == "host:1"
        assert job.device == "cuda" and JOB.device == "cpu"
        yield VideoScore(str(videos[0]), "no_face", None, 1, 0.1, "")
        raise RuntimeError("the cluster is lost")

    monkeypatch.setattr(ScoringJob, "run_on_cluster", run)
    failed: list[str] = []
    settings = replace(SETTINGS, folder=tmp_path)
    application: Any = make_app(settings, JOB, failed.append, cluster=Cluster("host:1", "cuda"))
    with TestClient(application) as client:
        sent = client.post("/v1/videos?name=a.mp4", content=b"x").json()
        assert judged(client, sent["id"])["result"]["verdict"] == "no_face"
        application.state.server.judging.join(30)
        assert client.get("/readyz").status_code == 503
    assert calls == [1] and "the cluster is lost" in failed[0]
