"""Distributed training with torchrun: ranks, and communication between the processes.

Without torchrun there is a single process, and the functions here do not communicate.
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
# How long a process waits for the others, one of which may have more frozen features to compute.
TIMEOUT = timedelta(hours=3)


def local_rank() -> int:
    """Return the rank of this process among those of its machine; 0 without torchrun."""
    return int(os.environ["LOCAL_RANK"]) if dist.is_torchelastic_launched() else 0


def local_processes() -> int:
    """Return the number of processes on this machine; 1 without torchrun."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if dist.is_torchelastic_launched() else 1


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Return whether this process has rank 0, the only one that writes files and prints."""
    return rank() == 0


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Connect the processes started by torchrun for the duration of the block, and discard what all
    but rank 0 print to stdout. Do nothing without torchrun."""
    if not dist.is_torchelastic_launched():
        yield
        return
    # gloo exchanges Python objects through main memory, nccl exchanges gradients between GPUs.
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
    """Return the `value` of every process, in the order of their ranks. Every process must call
    this. Raise PipelineError if another process has ended."""
    values = [value] * world_size()
    if len(values) > 1:
        try:
            dist.all_gather_object(values, value)
        except RuntimeError as error:
            raise PipelineError(
                f"process {rank()} lost the connection to another process: see that process's "
                "message"
            ) from error
    return values


def total(tensor: torch.Tensor) -> torch.Tensor:
    """Return the sum of a tensor over all processes. Every process must call this."""
    if world_size() > 1:
        tensor = tensor.clone()
        dist.all_reduce(tensor)
    return tensor


def synchronise_batch_norm(model: Model) -> Model:
    """Return `model` with synchronised batch norm layers, which compute their statistics over all
    processes. Return it unchanged on the CPU or with a single process."""
    if world_size() == 1 or next(model.parameters()).device.type != "cuda":
        return model
    try:
        from timm.layers import convert_sync_batchnorm  # also converts timm's own layers
    except ImportError:
        convert_sync_batchnorm = nn.SyncBatchNorm.convert_sync_batchnorm
    return convert_sync_batchnorm(model)


def data_parallel(model: nn.Module) -> nn.Module:
    """Return the module to call in training: with several processes, `model` wrapped so that its
    gradients are averaged over them (DistributedDataParallel, Li et al. 2020), otherwise `model`
    itself. Both share their weights."""
    if world_size() == 1:
        return model
    return DistributedDataParallel(model)  # without device_ids: masks stay in main memory


def align_buffers(model: nn.Module) -> None:
    """Copy the buffers of `model`, which include batch norm's running statistics, from rank 0 to
    all other processes. Every process must call this."""
    if world_size() > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def no_gradient_sync(model: nn.Module) -> AbstractContextManager[None]:
    """Return a context in which each process accumulates its gradients without averaging them over
    the processes. `model` is a module returned by `data_parallel`."""
    return model.no_sync() if isinstance(model, DistributedDataParallel) else nullcontext()
