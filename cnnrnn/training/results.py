"""What every task's results of a comparison have alike: being read again, and standing by model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from cnnrnn.errors import CnnRnnError


class Judged(Protocol):
    """What a comparison keeps of one training."""

    model: str
    ids: list[str]

    def as_json(self) -> dict[str, Any]:
        """In JSON types."""


Result = TypeVar("Result", bound=Judged)


class Results(Generic[Result]):
    """The results of all trainings on one data set.

    Args:
        data: its name.
        results: of every model and seed, on the same N test items.
        unit: what an item is called, in the plural.

    Raises:
        CnnRnnError: results of different items.
    """

    def __init__(self, data: str, results: Sequence[Result], unit: str = "pictures"):
        self.data, self.count, self.unit = data, len(results[0].ids), unit
        self.by_model: dict[str, list[Result]] = {}
        for each in results:
            if each.ids != results[0].ids:
                raise CnnRnnError(
                    f"the trainings on {data} were judged on different {unit}",
                    "remove the comparison's folder, or choose another --name",
                )
            self.by_model.setdefault(each.model, []).append(each)

    def by_seed(self, model: str, part: Callable[[Result], np.ndarray]) -> np.ndarray:
        """A part (N,) of each of a model's results, as (S seeds, N)."""
        return np.stack([part(each) for each in self.by_model[model]])


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Tell of any JSON that is not what a task has written.

    Args:
        what: it should be, in the plural.

    Raises:
        CnnRnnError: instead of what wrong types and missing keys raise inside.
    """
    try:
        yield
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise CnnRnnError(f"these are no {what}: {error}") from error
