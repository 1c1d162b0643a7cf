"""Says what is installed, which GPU is used, and what to do about the rest.

    python -m common.doctor

The exit code is 1 if something is missing that the main job needs.
"""

import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from common import cores
from common.version import VERSION

if TYPE_CHECKING:
    from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = "requirements.txt"
OPTIONAL = {  # file → what its packages are for
    "requirements-extras.txt": "--clean, --tensorboard, --export, ImageNet weights offline",
    "requirements-ray.txt": "--engine ray",
    "requirements-docs.txt": "make docs, notebooks",
    "requirements-serve.txt": "serve.py: page and HTTP API",
    "requirements-fastai.txt": "nbs/train_fastai.py",
    "requirements-mlflow.txt": "MLFLOW_TRACKING_URI",
    "requirements-dev.txt": "tests, style and types",
}
PYTHON = ((3, 11), (3, 14))  # oldest and newest that the packages have wheels for


@dataclass(frozen=True)
class Finding:
    """One line of the result."""

    ok: bool
    subject: str
    detail: str
    required: bool = True

    def __str__(self) -> str:
        state = "ok" if self.ok else "missing" if self.required else "absent"
        return f"{state:<8} {self.subject}: {self.detail}"


def main() -> int:
    findings = [python(), *packages(), gpu()]
    print(f"version {VERSION} on {platform.platform()}, {cores.usable()} CPU cores")
    print(*findings, sep="\n")
    return int(any(finding.required and not finding.ok for finding in findings))


def python() -> Finding:
    """Return whether the packages support this version of Python."""
    oldest, newest = PYTHON
    fits = oldest <= sys.version_info[:2] <= newest
    detail = platform.python_version()
    if not fits:
        detail += ", but {}.{} to {}.{} is needed: make setup PYTHON=python3.11".format(
            *oldest, *newest
        )
    return Finding(fits, "Python", detail)


def packages() -> list[Finding]:
    """Return a finding for each file of requirements."""
    try:
        import packaging.requirements  # noqa: F401
    except ImportError:
        detail = f"packages are not installed: pip install -r {REQUIRED}"
        return [Finding(False, REQUIRED, detail)]
    needed = _of_file(REQUIRED, "the main job", required=True)
    return [needed, *(_of_file(name, use, required=False) for name, use in OPTIONAL.items())]


def gpu() -> Finding:
    """Return which GPU torch uses. Without one everything works, on the CPU."""
    try:
        import torch

        from common import devices
    except ImportError as error:
        return Finding(False, "torch", f"cannot be imported: {error}")
    device = devices.choose("auto")
    if device.type == "cpu":
        return Finding(False, "GPU", "torch uses the CPU", required=False)
    return Finding(True, "GPU", torch.cuda.get_device_name(device), required=False)


def _of_file(name: str, use: str, required: bool) -> Finding:
    """Return whether the packages that a file of requirements names are installed."""
    wanted = requirements(ROOT / name)
    problems = [problem for package in wanted if (problem := _problem(package))]
    if problems:
        detail = f"{', '.join(problems)} (for {use}): pip install -r {name}"
        return Finding(False, name, detail, required)
    return Finding(True, name, f"{len(wanted)} packages (for {use})", required)


def requirements(path: Path) -> list["Requirement"]:
    """Return what a file of requirements names itself, as far as this platform needs it."""
    from packaging.requirements import Requirement

    texts = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    named = [Requirement(text) for text in texts if text and not text.startswith("-")]
    return [one for one in named if one.marker is None or one.marker.evaluate()]


def _problem(package: "Requirement") -> str:
    """Return what is wrong with an installed package; empty if nothing is."""
    try:
        version = metadata.version(package.name)
    except metadata.PackageNotFoundError:
        return f"no {package.name}"
    fits = package.specifier.contains(version, prereleases=True)
    return "" if fits else f"{package.name} {version}, not {package.specifier}"


if __name__ == "__main__":
    sys.exit(main())
