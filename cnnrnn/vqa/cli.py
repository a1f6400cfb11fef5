"""`cnnrnn vqa`: the command line of visual question answering."""

from __future__ import annotations

import click

from cnnrnn import options

TASK = "vqa"
FORMATS = ("auto", "vqa", "daquar", "daquar-single", "easy-vqa", "csv", "jsonl")


@click.group(
    name=TASK,
    cls=options.ExampleGroup,
    examples=[
        ("cnnrnn vqa evaluate --data questions.csv --predictions results.json", "score answers"),
    ],
)
def vqa() -> None:
    """An answer to a question about a picture, with the proof of where the network looked."""


data_options = options.block(
    click.option(
        "--data", default="scenes", metavar="DIR|FILE|scenes",
        help="Questions, answers and pictures; scenes is the built-in world.",
    ),
    click.option(
        "--format", type=click.Choice(FORMATS), default="auto",
        help="Layout of --data; auto finds it. daquar-single: only questions with one answer.",
    ),
    click.option(
        "--limit", type=options.POSITIVE, metavar="N",
        help="At most N pictures of each split, with all their questions.",
    ),
    click.option(
        "--fold", metavar="I/N", help="The I-th of N folds of whole pictures is the test split."
    ),
)  # fmt: skip
"""`data`, `format`, `limit`, `fold`."""


@vqa.command(
    examples=[
        (
            "cnnrnn vqa evaluate --data questions.csv --predictions results.json",
            "score anybody's answers, with no model",
        ),
        ("cnnrnn vqa evaluate --data v2/ --predictions results.json --json", "official figures"),
    ],
)
@data_options
@click.option(
    "--split", type=click.Choice(["train", "val", "test", "all"]),
    help="Which questions. Default: test, or the only split there is.",
)  # fmt: skip
@click.option(
    "--predictions", type=options.PATH, metavar="FILE", required=True,
    help='Score these answers, [{"question_id": ..., "answer": ...}], with no model.',
)  # fmt: skip
@click.option(
    "--wups", metavar="wordnet|FILE",
    help="Also WUPS at 0.9 and 0.0, by WordNet (through nltk) or a table of similarities (.npz).",
)  # fmt: skip
@options.json_option
@click.option("-o", "--output", type=options.PATH, metavar="FILE", help="Write the answers there.")
def evaluate(data, format, limit, fold, split, predictions, wups, json, output) -> None:
    """Score answers: official accuracy, overall, by kind of question and of answer; WUPS."""
    from cnnrnn.vqa import data as questions
    from cnnrnn.vqa import evaluate as evaluation
    from cnnrnn.vqa.wups import similarity_of

    similarity = similarity_of(wups) if wups else None
    found = questions.load(data, format, limit, fold)
    scored = [evaluation.evaluate_predictions(found, predictions, split, similarity)]
    evaluation.show(scored, json)
    if output:
        evaluation.write_answers(output, scored[0])
