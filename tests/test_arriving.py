"""What comes from a pipe is taken as it comes."""

from __future__ import annotations

import threading

import pytest

from cnnrnn.media.arriving import arriving


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
