"""The torch device and number format that a command computes with."""

import shutil
import sys
import warnings

import torch

from common import distributed
from common.errors import UsageError


def choose(name: str) -> torch.device:
    """Convert auto, cpu or cuda to a device.

    A GPU that torch cannot use is a warning with the reason under auto. Raise UsageError with the
    reason when cuda was asked for.
    """
    if name == "cpu":
        return torch.device("cpu")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return _gpu(distributed.local_rank())
    reason = " ".join(str(warning.message) for warning in caught) or _why_no_cuda()
    if name == "cuda":
        raise UsageError(f"--device cuda: {reason or 'this machine has no GPU'}")
    if reason:
        print(f"warning: running on the CPU, the GPU cannot be used: {reason}", file=sys.stderr)
    return torch.device("cpu")


def precision(name: str, device: torch.device) -> torch.dtype:
    """Convert auto, float32 or bfloat16 to a dtype; auto is bfloat16 on a GPU that supports it."""
    if name == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        name = "bfloat16" if fast else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def _gpu(number: int) -> torch.device:
    """Return the GPU of the process with this local rank. Raise UsageError if there is none."""
    if number >= torch.cuda.device_count():
        raise UsageError(
            f"this machine has {torch.cuda.device_count()} GPUs: lower torchrun --nproc-per-node "
            "to that number, or add --device cpu"
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def _why_no_cuda() -> str:
    """Return why CUDA is unavailable although a GPU driver is installed; empty without a driver."""
    if shutil.which("nvidia-smi") is None:
        return ""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA"
    try:
        torch.cuda.init()
    except RuntimeError as error:
        return str(error)
    return "torch reports no CUDA device"
