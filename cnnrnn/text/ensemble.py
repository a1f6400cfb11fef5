"""Several language models that write one sentence together."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError

ops = backend.keras().ops


class Ensemble:
    """Models whose next word is the likeliest in the mean of their distributions:

        log p = logsumexp over the n models of log p_i - log n

    It shows what `text.writer` needs of a `LanguageModel`. The codes are a tuple, those of each
    model; what each model attends to is its own and not shown.

    Args:
        models: `LanguageModel`s with the same words in the same order.

    Raises:
        CnnRnnError: they know different numbers of words.
    """

    def __init__(self, models: Sequence):
        sizes = {model.vocabulary_size for model in models}
        if len(sizes) != 1:
            raise CnnRnnError(f"models of {sorted(sizes)} words cannot write together")
        self.models = tuple(models)
        [self.vocabulary_size] = sizes

    @property
    def feature_shape(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the codes of one picture."""
        return tuple(model.feature_shape for model in self.models)

    def begin(self, features):
        """See `LanguageModel.begin`; the states of all models stand in one list."""
        begun = [model.begin(each) for model, each in zip(self.models, features, strict=True)]
        return tuple(memory for memory, _ in begun), [part for _, state in begun for part in state]

    def advance(self, memory, state, words):
        """See `LanguageModel.advance`."""
        said, new, first = [], [], 0
        for model, remembered in zip(self.models, memory, strict=True):
            own = state[first : first + model.state_parts]
            first += model.state_parts
            log_probabilities, own, _ = model.advance(remembered, own, words)
            said.append(log_probabilities)
            new += own
        mean = ops.logsumexp(ops.stack(said), axis=0) - math.log(len(said))
        return mean, new, None
