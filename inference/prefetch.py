"""Making the next item while this one is at use."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
END: Any = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """`items`, each made by another thread while the one before is at use: at most one waits.
    Raise what making one raises, in its place."""
    rest = iter(items)
    item = next(rest, END)  # nothing is at use yet
    maker = ThreadPoolExecutor(1)
    try:
        while item is not END:
            waiting = maker.submit(next, rest, END)
            yield item
            item = waiting.result()
    finally:
        maker.shutdown(cancel_futures=True)
