"""Imports torchvision without torch's compiler, which takes a second in every process.

torchvision imports a function of the compiler for roi_align, which nothing here uses. While it is
imported, a stub takes the compiler's place; the function imports the compiler when it is called.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

COMPILER, UTILS = "torch._dynamo", "torch._dynamo.utils"


def install() -> None:
    """Let torchvision be imported in this way when something first imports it."""
    if "torchvision" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


def is_compile_supported(device: Any) -> bool:
    """Return whether torch can compile for a device."""
    from torch._dynamo import utils

    return utils.is_compile_supported(device)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "torchvision":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None and COMPILER not in sys.modules:
            spec.loader = _WithoutCompiler(spec.loader)
        return spec


class _WithoutCompiler(Loader):
    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self.loader  # as in any other import
        stub = ModuleType(UTILS)
        stub.__dict__["is_compile_supported"] = is_compile_supported
        sys.modules |= {COMPILER: ModuleType(COMPILER), UTILS: stub}
        try:
            self.loader.exec_module(module)
        finally:
            del sys.modules[COMPILER], sys.modules[UTILS]
