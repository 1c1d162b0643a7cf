"""Which room may import which, and that the documents say what the code is."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import file_table

ROOT = Path(__file__).resolve().parents[1]
ENTRY_POINTS = {"preprocess_dfdc", "train", "evaluate", "score", "serve"}
# Room (or root module) → the rooms it may import, besides itself and common/.
ALLOWED: dict[str, set[str]] = {
    "common": set(),
    "flags": set(),
    "args": {"flags"},
    "faces": set(),
    "datasets": set(),
    "models": set(),
    "scoring": {"models", "datasets"},
    "training": {"scoring", "models", "datasets"},
    "trainer": {"training", "scoring", "datasets"},
    "evaluation": {"scoring", "models", "datasets"},
    "export": {"scoring", "models", "datasets"},
    "extraction": {"faces", "datasets"},
    "inference": {"scoring", "faces", "export", "models", "datasets", "detectors"},
    "web": {"inference", "scoring", "detectors"},
    "detectors": {"scoring", "faces", "datasets", "demo"},
    "demo": {"flags"},
}
HEAVY = {"torch", "torchvision", "cv2", "ray", "numpy", "pandas", "matplotlib", "sklearn"}
POSIX_ONLY = {"resource", "fcntl", "grp", "pty", "pwd", "syslog", "termios"}
MAX_ROOT_FILES = 7


def product_files() -> list[Path]:
    rooms = [room for room in ALLOWED if (ROOT / room).is_dir()]
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    return sorted([*ROOT.glob("*.py"), *files])


def imported_modules(file: Path) -> Iterator[str]:
    """Yield the full names that a file imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{file}: relative imports hide the room"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def import_graph() -> dict[str, set[str]]:
    """Return which module of the product imports which others."""
    names = {module_name(file) for file in product_files()}
    graph: dict[str, set[str]] = {}
    for file in product_files():
        found = set()
        for name in imported_modules(file):
            while name and name not in names:
                name = name.rpartition(".")[0]
            found |= {name} if name else set()
        graph[module_name(file)] = found - {module_name(file)}
    return graph


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_the_rooms_it_may(room: str) -> None:
    reached = {
        (module, other)
        for module, others in import_graph().items()
        for other in others
        if module.partition(".")[0] == room
    }
    forbidden = {
        (module, other)
        for module, other in reached
        if other.partition(".")[0] not in {room, "common", *ALLOWED[room]}
    }
    assert not forbidden


def test_no_module_imports_an_entry_point() -> None:
    graph = import_graph()
    assert not {
        (module, other) for module, others in graph.items() for other in others & ENTRY_POINTS
    }


def test_the_import_graph_has_no_cycle() -> None:
    graph = import_graph()
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path[path.index(module) :], module))
        if module not in done:
            for other in sorted(graph[module]):
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_flags_import_nothing_slow_so_that_help_answers_at_once() -> None:
    graph = import_graph()
    reached, waiting = set(), {"args"}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= graph[module] - reached
    files = {module_name(file): file for file in product_files()}
    for module in reached:
        slow = {name.partition(".")[0] for name in imported_modules(files[module])} & HEAVY
        assert not slow, f"{module} imports {slow}"


def test_every_module_can_be_imported_where_there_is_no_posix() -> None:
    """A function may import such a module, where it says what it does without."""
    for file in product_files() + sorted((ROOT / "benchmarks").glob("*.py")):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        for node in body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert POSIX_ONLY.isdisjoint(names), f"{file}: {names}"


def test_the_root_stays_small() -> None:
    assert len(list(ROOT.glob("*.py"))) <= MAX_ROOT_FILES


def test_nothing_edits_sys_path() -> None:
    for file in product_files():
        assert "sys.path." not in file.read_text(encoding="utf-8"), file


def test_the_table_of_files_is_what_the_docstrings_say() -> None:
    text = file_table.DOCUMENT.read_text(encoding="utf-8")
    assert text == file_table.with_table(text), "run python -m docs.file_table"
