"""The report page of a caption run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn import console
from cnnrnn.caption.captioner import Captioner
from cnnrnn.caption.evaluate import Evaluation
from cnnrnn.caption.prepare import Pictures
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.training.report import Card, Report
from cnnrnn.training.run import Run

SAMPLES = 12
SCORES = ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "METEOR", "ROUGE_L", "CIDEr")
_CURVES = {
    "loss": ("nats a word", {"training (smoothed)": "loss", "kept aside": "val_loss"}),
    "CIDEr": ("greedy captions of the pictures kept aside", {"kept aside": "val_CIDEr"}),
    "BLEU-4": ("greedy captions of the pictures kept aside", {"kept aside": "val_Bleu_4"}),
    "learning rate": ("at the end of the epoch", {"rate": "rate"}),
}
_SHOWN = (
    "data", "model", "backbone", "weights", "features", "tokenizer", "min_count", "hidden",
    "embedding", "dropout", "feature_dropout", "smoothing", "mirror", "batch", "holdout", "epochs",
    "learning_rate", "schedule", "clip_norm", "patience", "precision", "init", "reward", "seed",
    "deterministic", "created",
)  # fmt: skip


def write_report(
    run: Run,
    captioner: Captioner,
    evaluations: Sequence[Evaluation],
    pictures: Pictures,
    which: str,
    settings: DecodeSettings,
) -> None:
    """Write `report.html` of a run.

    Args:
        run: the run.
        captioner: the same, opened.
        evaluations: the captioner's first, then the baselines'.
        pictures: those that were scored.
        which: what these are, in words.
        settings: how the sentences were searched.
    """
    outcome = run.read_json("metrics.json")
    best = evaluations[0]
    report = Report(
        f"Captions: {run.name}",
        f"{run.config['model']} on {run.config['data']}, {len(run.log())} epochs",
    )
    report.headline(
        [
            ("BLEU-4", best.scores["Bleu_4"], f"{len(pictures.examples)} {which}"),
            ("CIDEr", best.scores["CIDEr"], _range(best, "CIDEr")),
            ("best epoch", outcome["epoch"], f"chosen by {outcome['metric']}"),
            ("training", console.duration(sum(row["seconds"] for row in run.log())), "all epochs"),
        ]
    )
    for missing, reason in best.missing.items():
        report.warning(f"{missing} is not in the table: {reason}.")
    keys = [key for key in SCORES if key in best.scores]
    report.table(
        "Scores",
        ["", *keys],
        [each.row(keys) for each in evaluations],
        higher=keys,
        note=f"On {len(pictures.examples)} {which}, beam width {settings.beam_width}; "
        + "; ".join(f"{key} {_range(best, key)}" for key in best.intervals)
        + " (95 % bootstrap over pictures). The epoch was chosen on these pictures."
        * ("aside" in which),
    )
    report.heading("Training")
    for title, (unit, series) in _CURVES.items():
        points = {name: _points(run, key) for name, key in series.items()}
        report.curves(title, points, unit, best=outcome["epoch"])
    report.gallery(
        "Captions",
        _cards(captioner, pictures, settings),
        "Pictures that were not trained on, drawn at random.",
    )
    report.settings(
        "Settings", {key: run.config[key] for key in _SHOWN if run.config.get(key) is not None}
    )
    report.settings("Versions", run.config["versions"])
    report.write(run.path / "report.html")


def _points(run: Run, key: str) -> list[tuple[float, float]]:
    return [(row["epoch"], row[key]) for row in run.log() if row.get(key) is not None]


def _range(evaluation: Evaluation, key: str) -> str:
    low, high = evaluation.intervals[key]
    return f"{low:.3f} to {high:.3f}"


def _cards(captioner: Captioner, pictures: Pictures, settings: DecodeSettings) -> list[Card]:
    count = len(pictures.examples)
    numbers = np.random.default_rng(0).permutation(count)[:SAMPLES]
    described = captioner.writer.write(pictures.features.read(numbers), settings)
    cards = []
    for number, sentences in zip(numbers, described, strict=True):
        example, sentence = pictures.examples[number], sentences[0]
        picture = example.source.read()
        people = [("people", text) for text in example.captions]
        cards.append(
            Card(
                picture,
                example.source.name,
                [captioner.writer.text(sentence), *people],
                strip=captioner.attention_strip(picture, sentence),
                note=f"p = {np.exp(sentence.log_probability):.2g}",
            )
        )
    return cards
