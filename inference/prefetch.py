"""Computes the next item of an iterable in a thread while the current item is in use."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
END: Any = object()


def prefetch(items: Iterable[T]) -> Iterator[T]:
    """Yield `items` in order. While the caller uses one item, a thread computes the next one, and
    none beyond it. If computing an item raises an exception, it is raised in place of the item."""
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
