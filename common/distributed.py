"""Several processes that train one model together, as torchrun starts them: rank, world size, and
what they tell each other. A run that torchrun did not start is one process, and all this is free.
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
# Processes wait for each other: one may have a part more of a frozen encoder's features to compute.
PATIENCE = timedelta(hours=3)


def local_rank() -> int:
    """Of this process on its machine."""
    return int(os.environ["LOCAL_RANK"]) if dist.is_torchelastic_launched() else 0


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that writes and prints."""
    return rank() == 0


@contextmanager
def group(device: torch.device) -> Iterator[None]:
    """Inside, the processes that torchrun started know each other, and the first alone prints."""
    if not dist.is_torchelastic_launched():
        yield
        return
    # What is told between processes lies in ordinary memory, gradients on the GPU.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        with (
            open(os.devnull, "w") as nowhere,
            redirect_stdout(sys.stdout if is_first() else nowhere),
        ):
            yield
    finally:
        dist.destroy_process_group()


def gather(value: T) -> list[T]:
    """`value` of every process, by rank; all of them must call this. Raise PipelineError when
    another one is gone."""
    values = [value] * world_size()
    if len(values) > 1:
        try:
            dist.all_gather_object(values, value)
        except RuntimeError as error:
            raise PipelineError(
                f"process {rank()} lost another one, whose own message says why"
            ) from error
    return values


def total(tensor: torch.Tensor) -> torch.Tensor:
    """The sum of a tensor over all processes, each of which must call this."""
    if world_size() > 1:
        tensor = tensor.clone()
        dist.all_reduce(tensor)
    return tensor


def synchronise_batch_norm(model: nn.Module) -> nn.Module:
    """On GPUs batch norm then sees the whole batch, not this process's part alone."""
    if world_size() == 1 or next(model.parameters()).device.type != "cuda":
        return model
    try:
        from timm.layers import convert_sync_batchnorm  # knows timm's own layers, too
    except ImportError:
        convert_sync_batchnorm = nn.SyncBatchNorm.convert_sync_batchnorm
    return convert_sync_batchnorm(model)


def spread(model: nn.Module) -> nn.Module:
    """The model to call in training: gradients are then the mean over all processes (Li et al.
    2020). `model` itself holds the weights still."""
    if world_size() == 1:
        return model
    device = next(model.parameters()).device
    return DistributedDataParallel(model, [device] if device.type == "cuda" else None)


def align_buffers(model: nn.Module) -> None:
    """Give batch norm's running statistics, which every process has of its own, the values of the
    first process."""
    if world_size() > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def apart(model: nn.Module) -> AbstractContextManager[None]:
    """Inside, gradients of what `spread` returned stay in this process, to be added up."""
    return model.no_sync() if isinstance(model, DistributedDataParallel) else nullcontext()
