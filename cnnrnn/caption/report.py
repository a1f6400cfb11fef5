"""The report page of a caption run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn.caption.captioner import Captioner
from cnnrnn.caption.evaluate import Evaluation
from cnnrnn.caption.prepare import Pictures, picture_of, seen_output
from cnnrnn.features import backbones
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.metrics import KEYS, heading
from cnnrnn.text.vectors import nearest
from cnnrnn.text.vocabulary import SPECIALS
from cnnrnn.training.report import Card, Report
from cnnrnn.training.run import Run
from cnnrnn.training.run_report import add_curves, close, opened, range_text

SAMPLES = 12
_RANKS = (4, 9, 19, 39, 79, 159, 319, 639)  # of the words whose neighbours are shown
_CURVES = {
    "loss": ("nats a word", {"training (smoothed)": "loss", "kept aside": "val_loss"}),
    "CIDEr": ("greedy captions of what was kept aside", {"kept aside": "val_CIDEr"}),
    "BLEU-4": ("greedy captions of what was kept aside", {"kept aside": "val_Bleu_4"}),
    "learning rate": ("at the end of the epoch", {"rate": "rate"}),
}
# What the loss is where it is not that of words that people wrote.
_OTHER_LOSSES = {
    "output": ("vectors", "training: 1 - cosine of the vectors; kept aside: nats a word"),
    "reward": ("cider", "training: drawn words by their advantage; kept aside: nats a word"),
}
_SHOWN = (
    "data", "frames", "model", "rnn", "layers", "fusion", "backbone", "weights", "features",
    "fine_tune", "cnn_rate", "tokenizer", "min_count", "hidden", "embedding", "embeddings",
    "frozen_words", "output", "tie", "dropout", "feature_dropout", "smoothing", "mirror", "batch",
    "holdout", "epochs", "learning_rate", "schedule", "clip_norm", "patience", "precision", "init",
    "scheduled", "reward", "seed", "deterministic", "created",
)  # fmt: skip


def write_report(
    run: Run,
    captioner: Captioner,
    evaluations: Sequence[Evaluation],
    pictures: Pictures,
    settings: DecodeSettings,
) -> None:
    """Write `report.html` of a run.

    Args:
        run: the run.
        captioner: the same, opened.
        evaluations: the captioner's first, then the baselines'.
        pictures: those that were scored: kept aside of the training.
        settings: how the sentences were searched.
    """
    best, unit = evaluations[0], captioner.medium.many
    which = f"{len(pictures.examples)} training {unit} kept aside"
    report = opened(
        run,
        "Captions",
        [
            ("BLEU-4", round(best.scores["Bleu_4"], 4), which),
            ("CIDEr", best.scores["CIDEr"], range_text(best.intervals["CIDEr"])),
        ],
    )
    for missing, reason in best.missing.items():
        report.warning(f"{missing} is not in the table: {reason}.")
    keys = [key for key in KEYS if key in best.scores]
    report.table(
        "Scores",
        ["", *map(heading, keys)],
        [each.row(keys) for each in evaluations],
        higher=map(heading, keys),
        note=f"On {which}, beam width {settings.beam_width}; "
        + "; ".join(f"{key} {range_text(bounds)}" for key, bounds in best.intervals.items())
        + f" (95 % bootstrap over {unit}). The epoch was chosen on these {unit}.",
    )
    curves = dict(_CURVES)
    for option, (value, unit_of_loss) in _OTHER_LOSSES.items():
        if run.config.get(option) == value:
            curves["loss"] = (unit_of_loss, curves["loss"][1])
    add_curves(report, run, curves)
    report.gallery(
        "Captions",
        _cards(captioner, pictures, settings),
        f"{unit.capitalize()} that were not trained on, drawn at random.",
    )
    _add_depth(report, run, captioner)
    _add_words(report, captioner)
    close(report, run, _SHOWN)


def _add_depth(report: Report, run: Run, captioner: Captioner) -> None:
    """A deep CNN sees, a shallow RNN remembers."""
    rnn, layers = run.config.get("rnn", "lstm"), run.config.get("layers", 1)
    rows = [["remembers", rnn, layers, "a word"]]
    if cnn := run.config.get("backbone"):
        seen = "a frame" if captioner.clips else "a picture"
        deep = backbones.get(cnn).layers_to(seen_output(run.config["model"]))
        rows.insert(0, ["sees", cnn, deep, seen])
    report.table(
        "Deep CNN, shallow RNN",
        ["", "net", "layers, one behind the other", "gone through once"],
        rows,
        note="Layers with weights; of the CNN those below its features. What the RNN remembers "
        "after n words went through it n times: in time it is as deep as the sentence is long.",
    )


def _add_words(report: Report, captioner: Captioner) -> None:
    """The nearest words of a few, from frequent to rare."""
    words = captioner.vocabulary.words
    ranks = [number for number in _RANKS if number + len(SPECIALS) < len(words)]
    if not ranks:
        return
    chosen = [len(SPECIALS) + rank for rank in ranks]
    vectors = captioner.model.word_vectors()
    # The special words are no one's neighbours that a person would look for.
    near = nearest(words[len(SPECIALS) :], vectors[len(SPECIALS) :], ranks)
    report.table(
        "Nearest words",
        ["word", "seen", "its neighbours, with the cosine of their vectors"],
        [
            [words[number], captioner.vocabulary.counts[words[number]],
             ", ".join(f"{word} {cosine:.2f}" for word, cosine in row)]
            for number, row in zip(chosen, near, strict=True)
        ],
        note="From frequent to rare.",
    )  # fmt: skip


def _cards(captioner: Captioner, pictures: Pictures, settings: DecodeSettings) -> list[Card]:
    count = len(pictures.examples)
    numbers = np.random.default_rng(0).permutation(count)[:SAMPLES]
    described = captioner.writer.write(pictures.features.read(numbers), settings)
    cards = []
    for number, sentences in zip(numbers, described, strict=True):
        example, sentence = pictures.examples[number], sentences[0]
        picture = picture_of(example.source)
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
