"""Detector folders: a checkpoint as detector.json and weights.safetensors, to ship a detector.

Weights are stored as float16 where they fit, except vectors such as those of batch norm, whose
values may be too small for it.
"""

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from common import foreign
from common.files import replacing, sha256

NAME = "detector.json"  # by which checkpoints of this kind are recognised
WEIGHTS = "weights.safetensors"
DIGEST = "weights_sha256"


def is_detector(path: Path) -> bool:
    """Return whether a path is that of a detector.json."""
    return path.name == NAME


def read(path: Path) -> dict[str, Any]:
    """Return the values of detector.json at `path` with its `weights` as float32. Raise DataError
    or ValueError if the file is damaged, or if the weights are not those that it was written with;
    safetensors may raise other exceptions for damaged weights."""
    values = foreign.read_json(path)
    if not isinstance(values, dict):
        raise ValueError("it is not an object")
    weights = path.with_name(WEIGHTS)
    if not weights.is_file():
        raise ValueError(f"{WEIGHTS} is not beside it")
    if sha256(weights) != values.pop(DIGEST, None):
        raise ValueError(f"{WEIGHTS} beside it is another file, or damaged")
    return values | {"weights": {k: _float32(v) for k, v in load_file(weights).items()}}


def write(folder: Path, values: dict[str, Any]) -> None:
    """Write the values of a checkpoint, without training state, to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / WEIGHTS) as partial:
        # save_file would make a file that others cannot read.
        partial.write_bytes(save({k: _compact(v) for k, v in values["weights"].items()}))
    rest = {name: value for name, value in values.items() if name != "weights"}
    text = json.dumps(rest | {DIGEST: sha256(folder / WEIGHTS)}, indent=1)
    with replacing(folder / NAME) as partial:
        partial.write_text(_lists_in_one_line(text) + "\n", encoding="utf-8")


def _lists_in_one_line(text: str) -> str:
    """Return JSON text in which lists of plain values take one line each."""
    return re.sub(r"\[\n[^\[\]{}]*\]", lambda found: re.sub(r"\n *", " ", found[0]), text)


def _compact(tensor: torch.Tensor) -> torch.Tensor:
    half = tensor.half()
    fits = tensor.dtype == torch.float32 and tensor.ndim > 1 and bool(half.isfinite().all())
    return (half if fits else tensor).contiguous()


def _float32(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.dtype == torch.float16 else tensor
