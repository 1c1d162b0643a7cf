"""Which detector is in production: promoted, rolled back, and refused if its file has changed."""

from pathlib import Path

import pytest

import detectors
from common.errors import DataError, UsageError
from detectors import __main__ as command
from detectors.registry import FILE, Registry
from tests.helpers.commands import run_here

SHIPPED = detectors.FOLDER / detectors.DEFAULT / detectors.FILE


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A folder of runs with two files."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "best.pt").write_text(name)
    monkeypatch.setattr(detectors, "CHECKPOINTS", tmp_path)
    return Registry(tmp_path)


def test_the_one_that_was_promoted_last_judges_and_a_rollback_undoes_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = (tmp_path / name / "best.pt" for name in "ab")
    assert detectors.paths(tmp_path) == [SHIPPED, a, b]
    with pytest.raises(UsageError, match="no detector is in production"):
        detectors.find(Path("production"))
    registry.promote(a)
    registry.promote(b)
    assert detectors.find(Path("production")) == b
    assert [registry.stage(path) for path in (SHIPPED, a, b)] == [
        *("candidate", "archived", "production")
    ]
    assert registry.rollback().path == str(a)
    assert detectors.find(Path("production")) == a and registry.stage(b) == "candidate"
    registry.promote(a)
    with pytest.raises(UsageError, match="no earlier detector"):
        registry.rollback()
    monkeypatch.chdir(tmp_path)
    assert registry.stage(Path("a/best.pt")) == "production"
    registry.promote(b)
    a.unlink()
    with pytest.raises(UsageError, match="is gone"):
        registry.rollback()
    assert registry.production() == b


def test_a_detector_that_has_changed_since_is_not_used_in_silence(
    registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "a" / "best.pt"
    registry.promote(path)
    path.write_text("trained again")
    assert registry.stage(path) == "candidate"
    with pytest.raises(UsageError, match="has changed since it was promoted"):
        registry.production()
    path.unlink()
    with pytest.raises(UsageError, match="is gone"):
        registry.production()


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"promotions": [{"path": 1}]}',
        "{",
        '{"promotions": [{"path": 1, "sha256": "", "since": 0}]}',
    ],
)
def test_a_damaged_registry_is_an_error_of_one_line(
    registry: Registry, tmp_path: Path, text: str
) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DataError, match=FILE):
        registry.production()


def test_the_commands_list_show_compare_and_refuse_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> int:
        return run_here(monkeypatch, command.main, *words)

    monkeypatch.setattr(detectors, "CHECKPOINTS", tmp_path)
    (tmp_path / "aaa").mkdir()
    (tmp_path / "aaa" / "best.pt").write_bytes(b"damaged")
    name = detectors.DEFAULT
    assert run("promote", name) == 0 and run("list") == 0
    assert "aaa: " in (out := capsys.readouterr().out) and "is damaged" in out
    assert run("list") == 0
    assert f"{name} (default): " in (out := capsys.readouterr().out) and "· production" in out
    assert run("show", name) == 0
    assert "training sources" in (out := capsys.readouterr().out) and "promoted: 20" in out
    assert run("compare", name, name) == 0
    assert "val_auc" in capsys.readouterr().out
    (tmp_path / "bad.pt").write_bytes(b"no checkpoint")
    assert run("promote", str(tmp_path / "bad.pt")) == 2
    assert Registry(tmp_path).production() == SHIPPED, "the one before judges on"
