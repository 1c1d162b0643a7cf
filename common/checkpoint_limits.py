"""Checks that a checkpoint file declares no more than it contains, before memory is spent on it.

A checkpoint is a zip archive of a pickle, which describes tensors by shape and stride, and of their
bytes. Compressed members, tensors whose elements share bytes, and objects that a pickle can create
from a number alone would let a small file fill the memory.
"""

import io
import pickletools
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

import torch

from common import foreign

LEGACY_PICKLES = 4  # a magic number, the version, sizes of types, the content
MAX_PICKLE_BYTES = 2**24  # ResNet152 and its optimizer's state need 1 MB
DTYPES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
# All that `checkpointing.save` writes besides plain values.
ALLOWED_GLOBALS = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    *(f"torch {name}Storage" for name in DTYPES),
}
# Files of weights that people exchange hold parameters, too.
WEIGHTS_GLOBALS = ALLOWED_GLOBALS | {
    "torch._utils _rebuild_parameter",
    "torch Size",
    "torch device",
    *(f"torch {name}" for name in ("float32", "float16", "bfloat16", "int64")),
}
LEAVES = (*foreign.PLAIN, torch.Tensor)
# Tensors may share bytes, as tied weights do, but not many times.
MAX_SHARING = 2


def check_archive(path: Path, allowed: Collection[str] = ALLOWED_GLOBALS) -> None:
    """Raise ValueError unless the file is a zip archive whose members are uncompressed, together
    not larger than the file, and whose pickle is small and refers to `allowed` names only.
    zipfile and pickletools may raise other exceptions for a damaged file."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("a part of it is compressed")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise ValueError("its parts are larger than the file")
        pickles = [member for member in members if member.filename.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("it has no data.pkl, or several")
        if pickles[0].file_size > MAX_PICKLE_BYTES:
            raise ValueError(f"its data.pkl has {pickles[0].file_size:,} bytes, too many")
        data = archive.read(pickles[0])
    _check_globals(io.BytesIO(data), allowed)


def check_weights(path: Path) -> None:
    """Raise ValueError if a .pth file of weights is compressed, or refers to other things than
    tensors and dicts. Other exceptions are possible for a damaged file."""
    if zipfile.is_zipfile(path):
        check_archive(path, WEIGHTS_GLOBALS)
        return
    with path.open("rb") as file:  # torch before version 1.6 wrote pickles, then the bytes
        for _ in range(LEGACY_PICKLES):
            _check_globals(file, WEIGHTS_GLOBALS)


def _check_globals(pickle: IO[bytes], allowed: Collection[str]) -> None:
    names = {name for code, name, _ in pickletools.genops(pickle) if "GLOBAL" in code.name}
    if unknown := names.difference(allowed):
        raise ValueError(f"it refers to {min(map(str, unknown)):.60}")


def check_values(values: Any, file_bytes: int) -> None:
    """Raise ValueError unless `values`, the content of a checkpoint file of `file_bytes` bytes,
    consists of plain values and tensors, and no tensor has more elements than it has bytes for."""
    foreign.check_plain(values, LEAVES)
    total = 0
    for tensor in _tensors(values):
        size = tensor.numel() * tensor.element_size()
        if size > tensor.untyped_storage().nbytes():
            raise ValueError(f"a tensor of shape {tuple(tensor.shape)} repeats its elements")
        total += size
    if total > MAX_SHARING * file_bytes:
        raise ValueError("its tensors are larger than the file")


def is_state_dict(values: dict[Any, Any]) -> bool:
    """Return whether the keys of a dict are names, and its values tensors."""
    return all(isinstance(k, str) and torch.is_tensor(v) for k, v in values.items())


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, dict):
        for value in values.values():
            yield from _tensors(value)
    elif isinstance(values, (list, tuple)):
        for value in values:
            yield from _tensors(value)
