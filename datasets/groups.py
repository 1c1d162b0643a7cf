"""Finds connected components of names (union-find)."""

from collections.abc import Iterable


def join(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Map every name in `pairs` to the smallest name of its connected component. A pair connects
    its two names."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parents[high] = low
    return {name: root(name) for name in parents}
