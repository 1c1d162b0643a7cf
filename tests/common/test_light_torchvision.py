"""torchvision is imported without the compiler, and the compiler still works afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

BEGIN = "import sys, common, torch, torchvision\n"


def output(repository: Path, code: str) -> str:
    """Return what a new process prints."""
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


def test_the_compiler_is_not_imported(repository: Path) -> None:
    code = BEGIN + "print([name for name in sys.modules if name.startswith('torch._dynamo')])"
    assert output(repository, code) == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("first", [BEGIN, "import torch._dynamo\n" + BEGIN])
def test_the_compiler_works_afterwards(repository: Path, first: str) -> None:
    code = (
        first + "boxes, image = torch.tensor([[0.0, 0, 0, 4, 4]]), torch.ones(1, 1, 8, 8)\n"
        "print(torchvision.ops.roi_align(image, boxes, 2).mean().item(), end=' ')\n"
        "import torch._dynamo.utils\n"
        "print(torch.compile(lambda x: x + 1, backend='eager')(torch.ones(1)).item(), end=' ')\n"
        "print(torchvision.__spec__.loader is torchvision.__loader__, end=' ')\n"
        "print(type(torchvision.__loader__).__name__)"
    )
    assert output(repository, code) == "1.0 2.0 True SourceFileLoader"


def test_a_missing_torchvision_is_the_usual_error(repository: Path) -> None:
    code = (
        "import sys, common\n"
        "sys.path[:] = [path for path in sys.path if 'site-packages' not in path]\n"
        "try:\n    import torchvision\nexcept ModuleNotFoundError as error:\n    print(error)"
    )
    assert output(repository, code) == "No module named 'torchvision'"
