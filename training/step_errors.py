"""Explains errors of a training step that other flags would avoid."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import PipelineError, one_line
from training.options import DataOptions, LoopOptions, ModelOptions


@contextmanager
def explain_step_errors(
    model: ModelOptions, data: DataOptions, loop: LoopOptions, clip_frames: int
) -> Iterator[None]:
    """Raise PipelineError in place of two errors inside the block: if memory runs out, with the
    flags that need less, cheapest first; and if --compile cannot compile the encoder."""
    try:
        yield
    except RuntimeError as error:
        if model.compile:
            from torch._dynamo.exc import TorchDynamoException  # slow to import

            if isinstance(error, TorchDynamoException):
                raise PipelineError(
                    f"--compile: this encoder cannot be compiled here ({one_line(error)}): install "
                    "a C++ compiler, on a GPU also triton, or leave the flag out"
                ) from error
        if not any(text in str(error) for text in ("out of memory", "can't allocate memory")):
            raise
        remedies = []
        if loop.accumulate < data.batch_size:
            remedies.append(f"--accumulate {min(2 * loop.accumulate, data.batch_size)}")
        if loop.precision != "bfloat16":
            remedies.append("--precision bfloat16")
        if not model.grad_checkpoint:
            remedies.append("--grad_checkpoint True")
        remedies.append("a smaller --crop_size, --clip_frames or --model_name")
        raise PipelineError(
            f"out of memory in a step of {data.batch_size} clips of {clip_frames} frames, in "
            f"{loop.accumulate} parts. Add one or more of: {'; '.join(remedies)}. Then continue "
            "the run with --resume last --force"
        ) from error
