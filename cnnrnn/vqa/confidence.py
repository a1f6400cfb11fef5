"""How sure an answer is: probabilities that mean what they say, and when to say nothing.

Both are learned on questions that the model was not trained on: the temperature (Guo et al. 2017)
by which their answers are least surprising, and the probability below which they are more often
wrong than right.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.vqa.calibration import threshold
from cnnrnn.vqa.replies import softmax

_TEMPERATURES = np.exp(np.linspace(np.log(0.01), np.log(10), 121))
_LEAST = 1e-9  # probability that a certain and wrong answer is charged with


@dataclass(frozen=True)
class Confidence:
    """What was learned.

    temperature: by which scores are divided before they become probabilities.
    threshold: an answer that is less probable is not known, 0 to 1. choice_threshold: the same of
        the best of given choices.
    answered: share of those questions that were at the threshold or above. right: how right these
        were answered, 0 to 1.
    """

    temperature: float = 1.0
    threshold: float = 0.0
    choice_threshold: float = 0.0
    answered: float = 1.0
    right: float = 0.0

    def as_json(self) -> dict[str, float]:
        """In JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> Confidence:
        """What `as_json` gave.

        Raises:
            CnnRnnError: something else.
        """
        try:
            if not isinstance(content, dict):
                raise TypeError("no object")
            found = cls(**{key: float(value) for key, value in content.items()})
            if not found.temperature > 0:
                raise ValueError("no temperature")
        except (TypeError, ValueError) as error:
            raise CnnRnnError("confidence.json is damaged", "copy the run again") from error
        return found


def best_temperature(scores: np.ndarray, numbers: np.ndarray) -> float:
    """The temperature under which the right answers are most probable; 1 where none is known.

    Args:
        scores: (N, A).
        numbers: (N,) right answers; negative where there is none among the A.
    """
    real = numbers >= 0
    scores, numbers = np.asarray(scores, np.float64)[real], numbers[real]
    if not len(numbers):
        return 1.0

    def surprise(temperature: float) -> float:
        shares = softmax(scores / temperature)
        return float(-np.log(np.maximum(shares[np.arange(len(numbers)), numbers], _LEAST)).mean())

    return float(min(_TEMPERATURES, key=surprise))


def learned(
    temperature: float,
    probabilities: np.ndarray,
    values: np.ndarray,
    chosen: tuple[np.ndarray, np.ndarray] | None = None,
) -> Confidence:
    """Learn the thresholds.

    Args:
        temperature: that of the probabilities.
        probabilities: (N,), of the answers that were given, 0 to 1.
        values: (N,), how right they are, 0 to 1.
        chosen: the same two of choices that were made; None where none were, and the threshold of
            answers serves.
    """
    least = threshold(probabilities, values)
    choice = threshold(*chosen) if chosen is not None else least
    given = probabilities >= least
    right = float(values[given].mean()) if given.any() else 0.0
    return Confidence(temperature, least, choice, float(given.mean()), right)
