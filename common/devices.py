"""Where the model runs."""

import shutil
import sys
import warnings

import torch

from common import distributed
from common.errors import UsageError


def choose(name: str) -> torch.device:
    """auto | cpu | cuda → a device. A GPU that torch cannot use is a warning with the reason
    under auto, and a UsageError when it was asked for."""
    if name == "cpu":
        return torch.device("cpu")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return _gpu(distributed.local_rank())
    reason = " ".join(str(warning.message) for warning in caught) or _why_not()
    if name == "cuda":
        raise UsageError(f"--device cuda: {reason or 'this machine has no GPU'}")
    if reason:
        print(f"warning: running on the CPU, the GPU cannot be used: {reason}", file=sys.stderr)
    return torch.device("cpu")


def precision(name: str, device: torch.device) -> torch.dtype:
    """auto | float32 | bfloat16 → what a model computes with; auto takes bfloat16 on a GPU that has
    it."""
    if name == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        name = "bfloat16" if fast else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def _gpu(number: int) -> torch.device:
    """Of the process of that number on this machine."""
    if number >= torch.cuda.device_count():
        raise UsageError(
            f"this machine has {torch.cuda.device_count()} GPUs: torchrun --nproc-per-node must "
            "not be more, or add --device cpu"
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def _why_not() -> str:
    """Why CUDA is unavailable on a machine that has a GPU driver; empty without one."""
    if shutil.which("nvidia-smi") is None:
        return ""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA"
    try:
        torch.cuda.init()
    except RuntimeError as error:
        return str(error)
    return "torch reports no CUDA device"
