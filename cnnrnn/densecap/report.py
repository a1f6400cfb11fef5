"""The report page of a densecap run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn.densecap.describer import Described
from cnnrnn.densecap.evaluate import KEYS, Evaluation
from cnnrnn.densecap.layouts import Example
from cnnrnn.densecap.settings import WEIGHTS
from cnnrnn.densecap.validate import MONITOR
from cnnrnn.text.metrics import heading
from cnnrnn.training.placed import Placed
from cnnrnn.training.run import Run
from cnnrnn.training.run_report import add_curves, close, opened, range_text

SAMPLES = 12
_UNITS = {
    "proposal_objectness": "nats a box, anchors",
    "proposal_boxes": "smooth L1 of deltas in their spread, anchors",
    "final_objectness": "nats a box, regions",
    "final_boxes": "smooth L1 of deltas in their spread, regions",
    "captions": "nats a word",
}
_CURVES = {
    "mean average precision": (
        "pictures kept aside; the language score is StemMatch",
        {"boxes and phrases": MONITOR, "boxes": "val_detmap"},
    ),
    "weighted sum of the five losses": ("", {"training": "loss", "kept aside": "val_loss"}),
    **{
        name.replace("_", " "): (
            unit, {"training": f"{name}_loss", "kept aside": f"val_{name}_loss"}
        )
        for name, unit in _UNITS.items()
    },
    "learning rate": ("at the end of the epoch", {"rate": "rate"}),
}
_SHOWN = (
    "data", "without", "model", "backbone", "weights", "image_size", "tokenizer", "min_count",
    "pooled", "filters", "code", "hidden", "embedding", "dropout", "frozen", "sample", "phrases",
    "positive", "negative", "box_gradient", "loss_weights", "cnn_rate", "wait", "mirror", "batch",
    "holdout", "epochs", "learning_rate", "schedule", "clip_norm", "averaging", "patience", "seed",
    "deterministic", "created",
)  # fmt: skip


def write_report(
    run: Run,
    evaluations: Sequence[Evaluation],
    examples: Sequence[Example],
    described: Sequence[Described],
    which: str,
) -> None:
    """Write `report.html` of a run.

    Args:
        run: the run.
        evaluations: the run's first, then the baseline's.
        examples: the pictures that were scored.
        described: what was found in them.
        which: what these are, in words.
    """
    best = evaluations[0]
    ranges = "; ".join(f"{key} {range_text(bounds)}" for key, bounds in best.intervals.items())
    report = opened(
        run,
        "Regions",
        [
            (
                best.map_key, best.scores[best.map_key],
                f"{range_text(best.intervals[best.map_key])}, {best.pictures} {which}",
            ),
            ("boxes", best.scores["ap50"], "average precision at IoU 0.5, phrases apart"),
        ],
    )  # fmt: skip
    if "map" in best.missing:
        report.warning(f"METEOR is not in the table: {best.missing['map']}.")
    keys = [best.map_key, *KEYS, best.language]
    report.table(
        "Scores",
        ["", *map(heading, keys)],
        [each.row(keys) for each in evaluations],
        higher=map(heading, keys),
        note=f"{best.truths} regions in {best.pictures} {which}. {ranges} (95 % bootstrap over "
        f"pictures). `{best.map_key}`: mean average precision of boxes with phrases, which are "
        f"compared by {best.language}, `detmap` of boxes alone; `ap50`: at IoU 0.5; "
        "`ap50_large`: of boxes from 16 pixels. `whole picture`: one sentence for the whole."
        + " The epoch was chosen on these pictures." * ("aside" in which),
    )
    add_curves(report, run, _CURVES)
    report.places(
        "Regions",
        _placed(examples, described),
        "Pictures that were not trained on, drawn at random; the surest regions. Point at a box "
        "or a phrase.",
    )
    report.settings(
        "Weights of the losses", dict(zip(WEIGHTS, run.config["loss_weights"], strict=True))
    )
    close(report, run, _SHOWN)


def _placed(examples: Sequence[Example], described: Sequence[Described]) -> list[Placed]:
    good = [number for number, found in enumerate(described) if not found.error]
    chosen = np.random.default_rng(0).permutation(good)[:SAMPLES]
    return [
        Placed(
            examples[number].source.read(),
            described[number].name,
            [region.box for region in described[number].regions],
            [region.phrase for region in described[number].regions],
            [f"{region.score:.0%}" for region in described[number].regions],
        )
        for number in chosen
    ]
