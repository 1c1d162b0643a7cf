"""Where a run was trained is recorded, and a change is said."""

import json
import platform
from pathlib import Path

import pytest
import torch

from training import environment, run_folder

CPU = torch.device("cpu")


def test_what_changes_the_bits_of_weights_is_recorded() -> None:
    found = environment.describe(CPU)
    assert platform.python_version() in found["python"]
    assert found["torch_threads"] == torch.get_num_threads()
    assert found["instruction_set"] == torch.backends.cpu.get_cpu_capability()
    assert (found["torch"], found["device"]) == (torch.__version__, "cpu")


def test_flags_with_a_name_that_utf_8_cannot_encode_are_recorded(tmp_path: Path) -> None:
    run_folder.write_flags(tmp_path, {"csv_file": "b\udcff"}, [])
    assert json.loads(run_folder.flags_file(tmp_path).read_text())["csv_file"] == "b\udcff"


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
