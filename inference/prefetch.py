"""Makes the next item while the current one is in use."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
END: Any = object()


def prefetch(items: Iterable[T]) -> Iterator[T]:
    """Yield `items`, each made by another thread while the one before is in use; at most one waits.
    An exception in making an item is raised in its place."""
    iterator = iter(items)
    item = next(iterator, END)  # nothing is in use yet
    maker = ThreadPoolExecutor(1)
    try:
        while item is not END:
            following = maker.submit(next, iterator, END)
            yield item
            item = following.result()
    finally:
        maker.shutdown(cancel_futures=True)
