"""Which names belong together, from pairs of names that do."""

from collections.abc import Iterable


def join(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Every name of `pairs` → the smallest name that it hangs together with (union-find)."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parents[high] = low
    return {name: root(name) for name in parents}
