"""Chooses the torch device and the floating-point format that a command computes with."""

import shutil
import sys
import warnings

import torch

from common import distributed
from common.errors import UsageError


def choose(name: str) -> torch.device:
    """Return the device for `auto`, `cpu` or `cuda`. With torchrun, each process gets its own GPU.

    If torch cannot use a GPU, `auto` chooses the CPU, with a warning if the reason is known. Raise
    UsageError for `cuda` if torch cannot use a GPU, and if there are fewer GPUs than processes.
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
        print(f"warning: using the CPU, because the GPU cannot be used: {reason}", file=sys.stderr)
    return torch.device("cpu")


def precision(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype for `auto`, `float32` or `bfloat16`. `auto` is bfloat16 on a GPU that
    supports it in hardware, otherwise float32."""
    if name == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        name = "bfloat16" if fast else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def _gpu(number: int) -> torch.device:
    """Return the GPU with this number, the local rank of the process, and make it torch's current
    device. Raise UsageError if the machine has fewer GPUs."""
    if number >= torch.cuda.device_count():
        raise UsageError(
            f"this machine has {torch.cuda.device_count()} GPUs: lower torchrun --nproc-per-node "
            "to that number, or add --device cpu"
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def _why_no_cuda() -> str:
    """Return the reason why CUDA is unavailable although a GPU driver is installed; empty if none
    is installed."""
    if shutil.which("nvidia-smi") is None:
        return ""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA"
    try:
        torch.cuda.init()
    except RuntimeError as error:
        return str(error)
    return "torch reports no CUDA device"
