"""Items that a thread makes ahead of who uses them, in their order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")


def prefetched(items: Iterable[Item], ahead: int = 2) -> Iterator[Item]:
    """Make the next items in a thread while the caller works on one.

    Args:
        items: their iterator is run in a thread.
        ahead: how many are made ready at most.

    Raises:
        whatever the iterator raises, after the items before it.
    """
    with _making(items, ahead) as ready:
        while True:
            item, end = ready.get()
            if isinstance(end, StopIteration):
                return
            if end is not None:
                raise end
            yield item


def arriving(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """Lists of what has come by now from a slow place; only for the first of each list is waited.

    Args:
        items: their iterator is run in a thread, at most `most` items ahead.
        most: items in a list.

    Raises:
        whatever the iterator raises, after the items before it.
    """
    with _making(items, most) as ready:
        end = None
        while end is None:
            found = []
            item, end = ready.get()
            while end is None:
                found.append(item)
                if len(found) == most:
                    break
                try:
                    item, end = ready.get_nowait()
                except queue.Empty:
                    break
            if found:
                yield found
        if not isinstance(end, StopIteration):
            raise end


@contextmanager
def _making(items: Iterable[Any], ahead: int) -> Iterator[queue.Queue]:
    """A queue of (item, None), and of (None, what ended them): StopIteration if nothing failed."""
    ready: queue.Queue = queue.Queue(ahead)
    closed = threading.Event()

    def offer(item: Any) -> bool:
        while not closed.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not offer((item, None)):
                    return
            offer((None, StopIteration()))
        except BaseException as error:  # told where the items are used
            offer((None, error))

    # It may wait for a pipe for ever, and must not keep the program from ending.
    threading.Thread(target=work, daemon=True).start()
    try:
        yield ready
    finally:
        closed.set()
