"""The model card of a captioner."""

from __future__ import annotations

from collections.abc import Sequence

from cnnrnn.caption.captioner import Captioner
from cnnrnn.caption.evaluate import Evaluation
from cnnrnn.text.metrics import KEYS, heading
from cnnrnn.training import card
from cnnrnn.training.run import Run


def write_card(
    run: Run, captioner: Captioner, evaluations: Sequence[Evaluation], which: str
) -> None:
    """Write the card, see `training.card.write_card`.

    Args:
        run: the finished run.
        captioner: the same, opened.
        evaluations: the captioner's first, then the baselines'.
        which: what was scored, in words.
    """
    one, many = captioner.medium.one, captioner.medium.many
    purpose = card.Purpose(
        does=f"It writes a sentence for a {one}: a convolutional net sees, a recurrent one writes.",
        unit=many,
        seen=many,
        limits=(
            f"It has {len(captioner.vocabulary):,} words, those of its captions, in their language "
            "and their manner; what has no word there it cannot name.",
            f"It always says something, sure or not, and may name what is not in the {one}.",
        ),
        use=f"cnnrnn caption predict {'clip.mp4' if captioner.clips else 'photo.jpg'}",
    )
    keys = [key for key in KEYS if key in evaluations[0].scores]
    rows = [each.row(keys) for each in evaluations]
    card.write_card(run, captioner.model, purpose, [*map(heading, keys)], rows, which)
