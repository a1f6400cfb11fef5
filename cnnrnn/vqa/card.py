"""The model card of a run that answers."""

from __future__ import annotations

from collections.abc import Sequence

from cnnrnn.training import card
from cnnrnn.training.run import Run
from cnnrnn.vqa.answerer import Answerer
from cnnrnn.vqa.evaluate import Evaluation


def write_card(
    run: Run, answerer: Answerer, evaluations: Sequence[Evaluation], which: str
) -> None:
    """Write the card, see `training.card.write_card`.

    Args:
        run: the finished run.
        answerer: the same, opened.
        evaluations: its own first, then controls and rivals.
        which: what was scored, in words.
    """
    words = answerer.words
    purpose = card.Purpose(
        does="It answers a question about a picture.",
        unit="questions",
        seen="pictures",
        limits=(
            f"It understands {len(words.vocabulary):,} words, the first {words.length} of a "
            f"question, and learned {len(words.answers):,} answers, in the language of its data; "
            "what is not among them it can neither be asked nor say.",
            "It may answer from the question alone: the rivals above that see no picture, or a "
            "wrong one, show how far that goes.",
        ),
        use='cnnrnn vqa ask photo.jpg "what is in the basket?"',
    )
    kinds = list(evaluations[0].scores.by_kind())
    rows = []
    for each in evaluations:
        found = each.scores.by_kind()
        rows.append([each.name, each.scores.overall, *(found[kind].value for kind in kinds)])
    keys = ["accuracy", *(f"accuracy {kind}" for kind in kinds)]
    card.write_card(run, answerer.model, purpose, keys, rows, which)
