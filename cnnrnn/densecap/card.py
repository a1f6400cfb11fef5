"""The model card of a DenseCap run."""

from __future__ import annotations

from collections.abc import Sequence

from cnnrnn.densecap.describer import DenseCaptioner
from cnnrnn.densecap.evaluate import KEYS, Evaluation
from cnnrnn.text.metrics import heading
from cnnrnn.training import card
from cnnrnn.training.run import Run


def write_card(
    run: Run, describer: DenseCaptioner, evaluations: Sequence[Evaluation], which: str
) -> None:
    """Write the card, see `training.card.write_card`.

    Args:
        run: the finished run.
        describer: the same, opened.
        evaluations: the describer's first, then the baseline's.
        which: what was scored, in words.
    """
    best, side = evaluations[0], describer.model.proposals.side
    purpose = card.Purpose(
        does="It finds regions of a picture and tells each in a phrase (Johnson et al. 2016).",
        unit="pictures",
        seen="pictures",
        limits=(
            f"It has {len(describer.vocabulary):,} words, those of its phrases, in their language; "
            "what has no word there it cannot name.",
            f"It sees a picture with its longer side at {side} pixels, and overlooks what is small "
            "there.",
        ),
        use="cnnrnn densecap predict photo.jpg",
    )
    keys = [best.map_key, *KEYS, best.language]
    rows = [each.row(keys) for each in evaluations]
    card.write_card(run, describer.model, purpose, [*map(heading, keys)], rows, which)
