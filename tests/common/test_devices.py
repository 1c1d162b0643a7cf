"""A GPU that cannot be used is said, not hidden."""

import warnings

import pytest
import torch

from common import devices
from common.errors import UsageError


@pytest.fixture
def unusable_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_available() -> bool:
        warnings.warn("the NVIDIA driver on your system is too old", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)


def test_auto_warns_with_the_reason(unusable_gpu: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert devices.choose("auto") == torch.device("cpu")
    assert "driver on your system is too old" in capsys.readouterr().err


def test_cuda_that_was_asked_for_is_an_error_with_the_reason(unusable_gpu: None) -> None:
    with pytest.raises(UsageError, match="too old"):
        devices.choose("cuda")


def test_cpu_asks_nothing(unusable_gpu: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert devices.choose("cpu") == torch.device("cpu")
    assert capsys.readouterr().err == ""
