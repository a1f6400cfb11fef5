"""What a thread makes ahead: batches while the network computes, names that come from a pipe."""

from __future__ import annotations

import math
import threading
import time

import pytest
from fit_helpers import Figures, Points, start

from cnnrnn.ahead import arriving, prefetched
from cnnrnn.errors import CnnRnnError
from cnnrnn.training.run import Run


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path, "caption", "one")


def threads_gone(before, seconds=2.0) -> bool:
    """Whether no thread is left that was not there before; some need a moment."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if set(threading.enumerate()) <= before:
            return True
        time.sleep(0.01)
    return False


def test_items_come_in_order_and_all(monkeypatch):
    before = set(threading.enumerate())
    assert list(prefetched(iter(range(100)))) == list(range(100))
    assert list(prefetched([None, (), 0])) == [None, (), 0]
    assert list(prefetched([])) == []
    assert threads_gone(before)


def test_items_are_made_ahead_but_not_all_at_once():
    made = []

    def items():
        for number in range(50):
            made.append(number)
            yield number

    ahead = prefetched(items(), ahead=2)
    assert next(ahead) == 0
    limit = time.monotonic() + 2
    while len(made) < 4 and time.monotonic() < limit:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(made) == 4  # one used, two waiting, one that waits to wait
    ahead.close()


def test_a_failure_comes_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise CnnRnnError("no more")

    before = set(threading.enumerate())
    seen = []
    with pytest.raises(CnnRnnError, match="no more"):
        for item in prefetched(items()):
            seen.append(item)
    assert seen == [1, 2]
    assert threads_gone(before)


def test_a_reader_that_stops_early_leaves_no_thread():
    before = set(threading.enumerate())
    ahead = prefetched(iter(range(10**9)))
    assert next(ahead) == 0
    ahead.close()
    assert threads_gone(before)


def test_a_stopped_training_leaves_no_thread(run):
    class Endless(Points):
        def epoch(self, generator):
            while True:
                yield from super().epoch(generator)
                self.targets[:] = math.nan

    before = set(threading.enumerate())
    with pytest.raises(CnnRnnError, match="became nan") as caught:
        start(run, Figures(1.0), points=Endless())
    assert caught.value.__traceback__  # which holds the frames of the loop
    assert threads_gone(before)


# -- what comes from a pipe ----------------------------------------------------------------------


def test_nothing_is_waited_for_but_the_first():
    """The second item is made only after the first list was taken."""
    taken = threading.Event()

    def slow():
        yield "a"
        assert taken.wait(5)
        yield "b"

    found = arriving(slow(), 8)
    assert next(found) == ["a"]
    taken.set()
    assert next(found) == ["b"]
    with pytest.raises(StopIteration):
        next(found)


def test_what_is_there_comes_together_in_order():
    lists = list(arriving(range(1000), 32))
    assert [item for some in lists for item in some] == list(range(1000))
    assert all(1 <= len(some) <= 32 for some in lists)
    assert list(arriving([], 3)) == []


def test_not_much_is_made_ahead():
    made = []

    def counted():
        for number in range(10_000):
            made.append(number)
            yield number

    found = arriving(counted(), 4)
    assert next(found)[0] == 0
    found.close()
    assert len(made) <= 1 + 4 + 4 + 1


def test_an_error_comes_after_what_was_before_it():
    def failing():
        yield 1
        raise ValueError("gone")

    found = arriving(failing(), 4)
    assert next(found) == [1]
    with pytest.raises(ValueError, match="gone"):
        next(found)
