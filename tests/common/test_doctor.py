"""The doctor names what is missing and the command that installs it."""

import sys
from pathlib import Path

import pytest

from common import doctor


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files of requirements name no package."""
    for name in (doctor.REQUIRED, *doctor.OPTIONAL):
        (tmp_path / name).write_text("# nothing\n")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    return tmp_path


def test_here_everything_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main() == 0
    said = capsys.readouterr().out
    assert "missing" not in said
    assert not any(line.startswith("absent   requirements") for line in said.splitlines())


def test_a_missing_package_of_the_main_job_fails_with_the_command_that_installs_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / doctor.REQUIRED).write_text("-r other.txt\nno-such-package>=2  # why\nnumpy>=99\n")
    assert doctor.main() == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "no-such-package" in line]
    assert line.startswith("missing  requirements.txt: no no-such-package, numpy ")
    assert line.endswith("not >=99 (for the main job): pip install -r requirements.txt")


def test_a_missing_optional_package_is_no_failure(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "requirements-ray.txt").write_text("no-such-package\n")
    assert doctor.main() == 0
    assert "absent   requirements-ray.txt: no no-such-package" in capsys.readouterr().out


def test_packages_for_other_platforms_are_not_asked_for(root: Path) -> None:
    path = root / doctor.REQUIRED
    path.write_text('no-such-package; sys_platform == "none"\n')
    assert doctor.requirements(path) == []


def test_another_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    found = doctor.python()
    assert not found.ok
    assert "3.11 to 3.14 is needed" in found.detail
