"""The environment of a training process, on which the last bits of its weights depend."""

import platform
from collections.abc import Sequence
from typing import Any

import torch

from common import distributed

Environment = dict[str, Any]  # property → value, as describe returns it


def describe(device: torch.device) -> Environment:
    """Return the properties of this process that change rounding: interpreter, torch, its threads,
    the instruction set of its kernels, the device and the number of processes."""
    on_gpu = device.type == "cuda"
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "torch": str(torch.__version__),
        "torch_threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name(device) if on_gpu else device.type,
        "processes": distributed.world_size(),
    }


def extended(before: Sequence[Environment], now: Environment) -> list[Environment]:
    """Return the environments of a run, the newest last, after it has gone on in `now`. Print a
    warning if it is not the newest of those `before`."""
    if before and before[-1] == now:
        return list(before)
    if before:
        names = sorted(name for name in now if now[name] != before[-1].get(name))
        changes = ", ".join(f"{name} {before[-1].get(name)} → {now[name]}" for name in names)
        print(f"warning: another environment ({changes}): the result will not be bit-identical")
    return [*before, now]
