"""`cnnrnn vqa`: the command line of visual question answering."""

from __future__ import annotations

import click

from cnnrnn import console, options, verbs
from cnnrnn.errors import UsageError

TASK = "vqa"
FORMATS = ("auto", "vqa", "daquar", "daquar-single", "easy-vqa", "csv", "jsonl")
MODELS = ("san", "lstm-cnn", "question-only")

_TOOLS = "cnnrnn.vqa.cli_tools"


@click.group(
    name=TASK,
    cls=options.ExampleGroup,
    lazy={name: f"{_TOOLS}:{name}" for name in ("compare", "export")},
    examples=[
        ('cnnrnn vqa ask scenes:5 "what is in the basket?"', "about a picture of the drawn world"),
        ("cnnrnn vqa train", "train on the built-in questions"),
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

backbone_options = options.block(
    click.option(
        "--backbone", metavar="NAME",
        help="The network that sees: scenes, mobilenet_v2, resnet50 ...; own: a small one, trained "
        "with the rest. Default: scenes for the built-in data, else mobilenet_v2.",
    ),
    click.option(
        "--weights", metavar="auto|imagenet|random|FILE", default="auto",
        help="Its weights; auto: the shipped ones for scenes, else imagenet.",
    ),
    click.option("--image-size", type=options.POSITIVE, metavar="PX", help="Side of its input."),
    click.option("--width", type=options.POSITIVE, help="First filters of own. Default: 24."),
    click.option(
        "--shift", type=click.IntRange(min=0), metavar="PX",
        help="Pixels by which own sees training pictures shifted. Default: 2.",
    ),
)  # fmt: skip
"""`backbone`, `weights`, `image_size`, `width`, `shift`."""

net_options = options.block(
    click.option(
        "--answer", type=click.Choice(["classify", "regress", "generate"]), default="classify",
        help="Choose an answer, hit its word vector, or write it word by word.",
    ),
    click.option("--hidden", type=options.POSITIVE, help="Size of the code of a question."),
    click.option("--embedding", type=options.POSITIVE, help="Size of the word vectors."),
    click.option(
        "--embeddings", type=options.PATH, metavar="FILE",
        help="Word vectors to begin with, as .npz or text; --answer regress aims at them.",
    ),
    click.option(
        "--answers", type=options.POSITIVE, metavar="N", help="Only the N most frequent answers."
    ),
    click.option(
        "--min-answers", type=options.POSITIVE, metavar="N",
        help="Only answers that were given N times.",
    ),
    click.option("--min-count", type=options.POSITIVE, help="Only words seen so often."),
    click.option(
        "--max-words", type=options.POSITIVE, help="Longer questions are cut. Default: 30."
    ),
    click.option("--dropout", type=float, help="Share of units dropped in training."),
    click.option("--feature-dropout", type=float, help="Share of features dropped."),
    click.option("--smoothing", type=float, help="Label smoothing."),
)  # fmt: skip

fit_options = options.block(
    click.option("--epochs", type=options.POSITIVE, help="At most so many passes over the data."),
    click.option("--batch", type=options.POSITIVE, help="Pictures in a batch."),
    click.option("--learning-rate", type=float, help="Its highest value."),
    click.option(
        "--schedule", type=click.Choice(["cosine", "plateau", "fixed"]), default="cosine",
        help="How the learning rate falls.",
    ),
    click.option("--clip-norm", type=float, help="Largest gradient norm, 0: any. Default: 5."),
    click.option("--patience", type=options.POSITIVE, help="Epochs without gain. Default: 10."),
    click.option(
        "--holdout", type=click.IntRange(min=0),
        help="Training pictures kept aside where there is no split val; 0: none, the last epoch.",
    ),
    click.option(
        "--precision", type=click.Choice(["float32", "mixed_bfloat16"]), default="float32",
        help="mixed_bfloat16 is faster on a processor that has it.",
    ),
)  # fmt: skip


@vqa.command(
    examples=[
        ("cnnrnn vqa train", "the built-in questions, stacked attention with two hops"),
        ("cnnrnn vqa train --model lstm-cnn --fusion concat", "one vector a picture"),
        ("cnnrnn vqa train --data questions.csv --dry-run", "check your data first"),
        ("cnnrnn vqa train --data easy_vqa/ --backbone own", "from pixels, no weights needed"),
        ("cnnrnn vqa train --answer generate", "write the answers"),
    ],
)
@data_options
@options.model_option(MODELS)
@click.option("--hops", type=options.POSITIVE, help="Looks of san. Default: 2.")
@click.option(
    "--encoder", type=click.Choice(["lstm", "cnn"]), default="lstm",
    help="What reads the questions of san.",
)  # fmt: skip
@click.option(
    "--fusion", type=click.Choice(["multiply", "concat", "add"]),
    help="How lstm-cnn joins question and picture. Default: concat for photos, else multiply.",
)  # fmt: skip
@click.option("--layers", type=options.POSITIVE, help="LSTM layers of lstm-cnn. Default: 2.")
@net_options
@backbone_options
@fit_options
@options.seed_options
@options.tensorboard_option
@options.name_option
@click.option("--resume", type=options.PATH, metavar="RUN", help="Go on with this run.")
@click.option("--config", type=options.PATH, metavar="FILE", help="Take the options of a run.")
@click.option("--dry-run", is_flag=True, help="Check the data, estimate time and disk, and stop.")
@options.device_options
@click.pass_context
def train(ctx, name, resume, config, dry_run, device, threads, **_) -> int:
    """Train an answering model and keep it in runs/vqa/."""
    from cnnrnn import backend
    from cnnrnn.training.chosen import settings_of, typed
    from cnnrnn.training.outline import Flags, check_begin, tell_estimate, tell_outcome
    from cnnrnn.vqa import train as training
    from cnnrnn.vqa.settings import TrainSettings

    backend.choose(device=device, threads=threads)
    settings = settings_of(ctx, TrainSettings, TASK, resume, config)
    if not resume:
        settings.check_used(typed(ctx))
    flags = Flags.of(ctx.params)
    if dry_run:
        check_begin(options.RUNS, TASK, name, flags)
        tell_estimate(training.dry_run(settings))
        return 0
    outcome = training.train(settings, options.RUNS, name, flags, resume)
    picture = "scenes:5" if outcome.run.config["data"] == "scenes" else "photo.jpg"
    return tell_outcome(TASK, outcome, "ask", f'{picture} "what is it?"')


@vqa.command(
    examples=[
        ("cnnrnn vqa evaluate", "the newest run on the test split of its data"),
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
    "--predictions", type=options.PATH, metavar="FILE",
    help='Score these answers, [{"question_id": ..., "answer": ...}], with no model.',
)  # fmt: skip
@options.run_option
@click.option("--no-rivals", is_flag=True, help="Only the model itself.")
@click.option(
    "--wups", metavar="wordnet|FILE",
    help="Also WUPS at 0.9 and 0.0, by WordNet (through nltk) or a table of similarities (.npz).",
)  # fmt: skip
@options.json_option
@click.option("-o", "--output", type=options.PATH, metavar="FILE", help="Write the answers there.")
@options.device_options
@click.pass_context
def evaluate(
    ctx, split, predictions, run, no_rivals, wups, json, output, device, threads, **_
) -> int:
    """Score answers: official accuracy, overall, by kind of question and of answer; WUPS.

    A run is scored beside itself with shuffled pictures, and beside rivals that see none.
    """
    from cnnrnn import backend
    from cnnrnn.training.chosen import flag, typed
    from cnnrnn.vqa import evaluate as evaluation
    from cnnrnn.vqa.wups import similarity_of

    given = typed(ctx)
    if predictions and (others := sorted({"run", "no_rivals"} & set(given))):
        raise UsageError(
            f"{flag(others[0])} does not go with --predictions",
            "a file of answers is scored without a model",
        )
    similarity = similarity_of(wups) if wups else None
    changes = {key: given[key] for key in ("data", "format", "limit", "fold") if key in given}
    failures: list = []
    if predictions:
        from cnnrnn.vqa import data as questions

        found = questions.load(**changes)
        scored = [evaluation.evaluate_predictions(found, predictions, split, similarity)]
    else:
        from cnnrnn.vqa import judge

        backend.choose(device=device, threads=threads)
        scored, failures = judge.evaluate_run(run, changes, split, not no_rivals, similarity)
    evaluation.show(scored, json)
    if output:
        evaluation.write_answers(output, scored[0])
        console.info(f"answers  {output}")
    return 1 if failures else 0


@vqa.command(
    examples=[
        ('cnnrnn vqa ask photo.jpg "what is on the table?"', "the most probable answers"),
        ('cnnrnn vqa ask photo.jpg "is it red?" "what is it?"', "several questions"),
        ('cnnrnn vqa ask photo.jpg "what is it?" --choices "cat,dog"', "choose"),
        ('cnnrnn vqa ask photos/ "is there a dog?" --json', "ask every picture of a folder"),
        ('cnnrnn vqa ask scenes:5 "what is in the basket?" --show', "where each hop looked"),
    ],
)
@click.argument("medium")
@click.argument("questions", nargs=-1, required=True)
@options.run_option
@click.option("--choices", metavar="A,B,C", help="The answers to choose from.")
@click.option("--top", type=options.POSITIVE, help="Answers shown of each question. Default: 5.")
@click.option("--show", is_flag=True, help="Also write pictures of where each hop looked.")
@click.option(
    "-o", "--output", type=options.PATH,
    metavar="DIR", help="Their folder. Default: shown.",
)  # fmt: skip
@click.option(
    "--font", type=options.PATH, metavar="FILE", help="Font of these pictures, for rare scripts."
)
@click.option("--limit", type=options.POSITIVE, metavar="N", help="Only the first N pictures.")
@options.json_option
@options.device_options
def ask(
    medium, questions, run, choices, top, show, output, font, limit, json, device, threads
) -> int:
    """Ask QUESTIONS about MEDIUM: a file, a folder, a glob, a list, - or scenes:N."""
    from cnnrnn import backend
    from cnnrnn.vqa import ask as asking

    if choices is not None and top:
        raise UsageError("--top does not go with --choices", "all choices are shown")
    if (output or font) and not show:
        raise UsageError("--output and --font are for pictures of where it looked", "add --show")
    backend.choose(device=device, threads=threads)
    settings = asking.AskSettings(
        asking.parsed_choices(choices), top or asking.TOP, show, output or asking.FOLDER, json,
        font, limit,
    )
    return asking.ask(medium, questions, run, settings)


vqa.add_command(verbs.features_command(TASK))
vqa.add_command(verbs.runs_command(TASK))
