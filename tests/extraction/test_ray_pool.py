"""A Ray cluster writes the files of a local run, also if a node is lost during the run."""

from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from common import ray_cluster
from common.errors import UsageError
from common.preprocessing import FaceConfig
from extraction import ray_pool
from extraction.pool import Job
from tests.helpers.preprocess_runs import extract_here, tree

pytestmark = pytest.mark.slow

CONFIG = FaceConfig(frames_per_video=6, face_size=64)
TIMEOUT = 120


def jobs(videos: Path, crops: Path) -> list[Job]:
    """The first runs alone; when one of the next three is done, both nodes are busy."""
    files = sorted(videos.glob("dfdc_train_part_0/*.mp4"))[:4]
    return [Job(file, crops / file.name) for file in files]


def test_losing_a_node_loses_nothing(
    tmp_path: Path, talking_heads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, remote = tmp_path / "local", tmp_path / "remote"
    list(extract_here(jobs(talking_heads, local), CONFIG, 1, TIMEOUT))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    # Ray gives it the machine's address in the network.
    monkeypatch.setattr(ray_cluster, "LOOPBACK", (cluster.address.partition(":")[0],))
    try:
        node = cluster.add_node(num_cpus=1)
        results = ray_pool.run(jobs(talking_heads, remote), CONFIG, TIMEOUT, cluster.address)
        done = [next(results), next(results)]
        assert len(ray.nodes()) == 2
        cluster.remove_node(node, allow_graceful=False)
        done += results
    finally:
        cluster.shutdown()
    assert len(done) == 4
    assert tree(remote) == tree(local)


def test_an_address_without_a_cluster_is_one_clear_line(tmp_path: Path) -> None:
    work = [Job(tmp_path / "a.mp4", tmp_path / "crops")]
    with pytest.raises(UsageError, match=r"no Ray cluster at --ray_address 127\.0\.0\.1:9: "):
        next(ray_pool.run(work, CONFIG, TIMEOUT, "127.0.0.1:9"))
