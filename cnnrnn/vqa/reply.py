"""What is said to one question about one picture, and what a person should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnrnn.vqa.prepare import Words
from cnnrnn.vqa.replies import Ranked, Replies

_NAMED, _LETTERS = 5, 40  # how many words a remark names, and how much of a word or an answer


@dataclass
class Reply:
    """What is said to one question about one picture.

    name: of the picture.
    answers: the best answers (or all choices) with their probabilities.
    known: whether the best one is sure enough to be given.
    familiar: False for a picture unlike everything that the model was trained on.
    notes: what a person should know: words that the model does not know, choices that it cannot
        give, a question that was cut.
    maps: (hops, rows, columns) where each hop looked, sums 1; None for a model that does not look
        at places.
    """

    name: str
    question: str
    answers: Ranked
    known: bool = True
    familiar: bool = True
    notes: list[str] = field(default_factory=list)
    maps: np.ndarray | None = None

    @property
    def answer(self) -> str:
        """The best answer, known or not."""
        return self.answers[0][0]

    @property
    def probability(self) -> float:
        """That of `answer`."""
        return self.answers[0][1]

    def said(self, top: int | None = None, between: str = ", ") -> str:
        """The `top` best answers (None: all) for a person to read, on one line."""
        best = between.join(
            f"{shortened(text, _LETTERS)} {share:.2f}" for text, share in self.answers[:top]
        )
        return best if self.known else f"I do not know; perhaps {best}"


def remarks(
    words: Words, replies: Replies, question: str, choices: Sequence[str] = ()
) -> list[str]:
    """What a person should know of the answer to a question, one line each.

    Args:
        words: of the run.
        replies: what reads its model's output.
        question: as asked.
        choices: the answers to choose from; none: all that the model knows.
    """
    found = []
    tokens = words.tokenizer(question)
    unknown = [token for token in dict.fromkeys(tokens) if token not in words.vocabulary]
    if not tokens:
        found.append("the question has no words")
    elif unknown:
        found.append(f"unknown words: {named(unknown)}")
    if len(tokens) > words.length:
        found.append(
            f"the question has {len(tokens)} words, and only the first {words.length} are read"
        )
    outside = [choice for choice in choices if not replies.can_say(choice)]
    if outside:
        found.append(f"choices that this model can never give: {named(outside)}")
    if not choices and (share := words.answers.held(tokens)) is not None:
        found.append(
            f"{1 - share:.0%} of the answers to such questions in training are not among the "
            f"{len(words.answers)} that this model can give"
        )
    return found


def named(texts: Sequence[str]) -> str:
    """The first few, as they can be shown on a line of a terminal, and how many more there are."""
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(shortened(text, _LETTERS) for text in texts[:_NAMED]) + more


def shortened(text: str, letters: int) -> str:
    """A text on one line, cut with an ellipsis, without what a terminal would obey."""
    text = " ".join(text.split())
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return text if len(text) <= letters else text[: letters - 1] + "…"
