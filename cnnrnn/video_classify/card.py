"""The model card of a video classifier."""

from __future__ import annotations

from collections.abc import Sequence

from cnnrnn.training import card
from cnnrnn.training.run import Run
from cnnrnn.video_classify.classifier import VideoClassifier
from cnnrnn.video_classify.evaluate import Evaluation
from cnnrnn.video_classify.metrics import KEYS

_NAMED = 20  # labels that are listed


def write_card(
    run: Run, classifier: VideoClassifier, evaluations: Sequence[Evaluation], which: str
) -> None:
    """Write the card, see `training.card.write_card`.

    Args:
        run: the finished run.
        classifier: the same, opened.
        evaluations: the classifier's first, then controls and baseline.
        which: what was scored, in words.
    """
    labels = classifier.labels
    more = ", ..." if len(labels) > _NAMED else ""
    purpose = card.Purpose(
        does="It tells which of its labels a clip shows.",
        unit="clips",
        seen="clips",
        limits=(
            f"It knows {len(labels)} labels and gives every clip one of them, whatever the clip "
            f"shows: {', '.join(labels[:_NAMED])}{more}.",
            "It looks at some frames of a clip; what happens between them it does not see.",
        ),
        use="cnnrnn video-classify predict clip.mp4",
    )
    keys = [*KEYS, *["pairs"] * bool(evaluations[0].pairs)]
    rows = [each.row(keys) for each in evaluations]
    card.write_card(run, classifier.model, purpose, keys, rows, which)
