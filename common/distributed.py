"""Several processes that train one model (torchrun): rank, world size, and what they exchange.

Without torchrun there is one process, and every function here returns at once.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from common.errors import PipelineError

T = TypeVar("T")
Model = TypeVar("Model", bound=nn.Module)
# How long a process waits for the others: one of them may have more frozen features to compute.
TIMEOUT = timedelta(hours=3)


def local_rank() -> int:
    """Return this process's number on its machine."""
    return int(os.environ["LOCAL_RANK"]) if dist.is_torchelastic_launched() else 0


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Return whether this is the process that writes files and prints."""
    return rank() == 0


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Connect the processes that torchrun started; inside the block only the first one prints."""
    if not dist.is_torchelastic_launched():
        yield
        return
    # Objects are exchanged through main memory, gradients on the GPU.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=TIMEOUT)
    try:
        with (
            open(os.devnull, "w") as devnull,
            redirect_stdout(sys.stdout if is_first() else devnull),
        ):
            yield
    finally:
        dist.destroy_process_group()


def gather(value: T) -> list[T]:
    """Return the `value` of every process, by rank. Every process must call this. Raise
    PipelineError when another process has ended."""
    values = [value] * world_size()
    if len(values) > 1:
        try:
            dist.all_gather_object(values, value)
        except RuntimeError as error:
            raise PipelineError(
                f"process {rank()} lost contact to another process, whose own message says why"
            ) from error
    return values


def total(tensor: torch.Tensor) -> torch.Tensor:
    """Return the sum of a tensor over all processes. Every process must call this."""
    if world_size() > 1:
        tensor = tensor.clone()
        dist.all_reduce(tensor)
    return tensor


def synchronise_batch_norm(model: Model) -> Model:
    """On GPUs, let batch norm see the whole batch instead of this process's part of it."""
    if world_size() == 1 or next(model.parameters()).device.type != "cuda":
        return model
    try:
        from timm.layers import convert_sync_batchnorm  # also converts timm's own layers
    except ImportError:
        convert_sync_batchnorm = nn.SyncBatchNorm.convert_sync_batchnorm
    return convert_sync_batchnorm(model)


def data_parallel(model: nn.Module) -> nn.Module:
    """Return the module to call in training. With several processes it averages gradients over
    them (DistributedDataParallel, Li et al. 2020); `model` keeps the weights."""
    if world_size() == 1:
        return model
    device = next(model.parameters()).device
    return DistributedDataParallel(model, [device] if device.type == "cuda" else None)


def align_buffers(model: nn.Module) -> None:
    """Copy batch norm's running statistics from the first process to all others."""
    if world_size() > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def no_gradient_sync(model: nn.Module) -> AbstractContextManager[None]:
    """Inside the block, keep the gradients of what `data_parallel` returned in this process, to be
    accumulated."""
    return model.no_sync() if isinstance(model, DistributedDataParallel) else nullcontext()
