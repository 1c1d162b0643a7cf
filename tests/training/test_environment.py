"""Where a run was trained is recorded, and a change is said."""

import platform

import pytest
import torch

from training import environment

CPU = torch.device("cpu")


def test_what_changes_the_bits_of_weights_is_recorded() -> None:
    found = environment.describe(CPU)
    assert platform.python_version() in found["python"]
    assert found["torch_threads"] == torch.get_num_threads()
    assert found["instruction_set"] == torch.backends.cpu.get_cpu_capability()
    assert (found["torch"], found["device"]) == (torch.__version__, "cpu")


def test_the_same_environment_is_recorded_once_and_another_is_added_with_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = environment.describe(CPU)
    assert environment.extended([], now) == environment.extended([now], now) == [now]
    assert capsys.readouterr().out == ""
    other = now | {"instruction_set": "AVX512", "torch_threads": 64}
    assert environment.extended([other], now) == [other, now]
    (line,) = capsys.readouterr().out.splitlines()
    assert f"torch_threads 64 → {now['torch_threads']}): the result will not be" in line
