"""What is sent to a Ray cluster, and which clusters are refused."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from common import ray_cluster
from common.errors import UsageError
from common.ray_cluster import connected, copy_code


def test_only_code_travels(tmp_path: Path) -> None:
    code = ["train.py", "common/__init__.py", "common/files.py", "inference/__init__.py"]
    code += ["inference/clip.html", "datasets/__init__.py", "datasets/layouts/dfdc.py"]
    others = ["scores.csv", ".lock", "clip.mp4", "common/video.mp4", "datasets/layouts/x.pt"]
    others += ["data/part/a.mp4", "data/notes.py", "checkpoints/run/best.pt", ".git/config"]
    others += ["common/__pycache__/files.pyc", ".env", "page.html"]
    root, copy = tmp_path / "root", tmp_path / "copy"
    for name in [*code, *others]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    copy_code(root, copy)
    copied = [path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()]
    assert sorted(copied) == sorted(code)


@pytest.mark.parametrize("address", ["10.0.0.5:6379", "ray://head:10001", "auto", "head:6379"])
def test_a_remote_cluster_without_authentication_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mode in (None, "disabled", ""):
        if mode is None:
            monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
        else:
            monkeypatch.setenv("RAY_AUTH_MODE", mode)
        with pytest.raises(UsageError, match="set RAY_AUTH_MODE=token"), connected(address):
            pytest.fail("connected")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    ray_cluster._check_authenticated(address)


@pytest.mark.parametrize("address", ["local", "127.0.0.1:6379", "localhost:6379", "[::1]:6379"])
def test_a_cluster_on_this_machine_needs_no_authentication(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    ray_cluster._check_authenticated(address)


def test_a_version_without_authentication_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(__version__="2.51.1"))
    with pytest.raises(UsageError, match=r"needs Ray 2\.52, but 2\.51\.1"), connected("local"):
        pytest.fail("connected")
