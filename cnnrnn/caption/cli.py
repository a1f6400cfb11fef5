"""`cnnrnn caption`: the command line of the captioner."""

from __future__ import annotations

import click

from cnnrnn import console, options, verbs
from cnnrnn.errors import UsageError

TASK = "caption"
MODELS = ("attention", "inject-init", "inject", "merge", "clip-lstm")


@click.group(
    cls=options.ExampleGroup,
    lazy={"compare": "cnnrnn.caption.cli_tools:compare"},
    examples=[
        ("cnnrnn caption predict scenes:3", "a sentence for a picture of the built-in world"),
        ("cnnrnn caption train", "train on the built-in world"),
        ("cnnrnn caption train --data captions.csv", "train on your own pictures"),
    ],
)
def caption() -> None:
    """A sentence for a picture: a convolutional net sees, an LSTM writes."""


_search_options = options.block(
    click.option(
        "--beam", type=options.POSITIVE, default=3, help="Hypotheses kept at each word; 1: greedy."
    ),
    click.option(
        "--max-words", type=options.POSITIVE,
        help="Longest sentence. Default: 20, where words are characters 40.",
    ),
    click.option(
        "--min-words", type=click.IntRange(min=0), default=0, help="Shortest sentence."
    ),
    click.option(
        "--length-penalty", type=click.FloatRange(0, 2), default=0.4,
        help="0 favours short sentences, 1 ranks by the mean log-probability of a word.",
    ),
    click.option(
        "--groups", type=options.POSITIVE, default=1,
        help="Divide the beam into groups that avoid each other's words.",
    ),
    click.option(
        "--diversity", type=click.FloatRange(min=0), default=0.5, help="How much they avoid them."
    ),
    click.option(
        "--sample", type=options.POSITIVE, metavar="N",
        help="Draw N sentences instead of searching; the likeliest of them comes first.",
    ),
    click.option(
        "--temperature", type=click.FloatRange(0, min_open=True), default=1.0,
        help="Of --sample; below 1 likely words become likelier.",
    ),
    click.option(
        "--top-p", type=click.FloatRange(0, 1, min_open=True), default=1.0,
        help="Of --sample: draw from the likeliest words that have this share.",
    ),
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, help="Of --sample: of what is drawn."
    ),
)  # fmt: skip
_SEARCH = {
    "beam", "max_words", "min_words", "length_penalty", "groups", "diversity", "sample",
    "temperature", "top_p", "seed",
}  # fmt: skip


_runs_option = click.option(
    "--runs", metavar="A,B", help="Runs that caption together, instead of --run."
)


def _run_or_runs(run, runs):
    """The folder of a run, those of several, or None."""
    if runs is None:
        return run
    if run:
        raise UsageError("--run and --runs both name what captions", "give one of them")
    return options.paths(runs)


def _search(ctx: click.Context):
    """The `DecodeSettings` that were chosen; what would be ignored is refused."""
    from cnnrnn.text.decoder import DecodeSettings
    from cnnrnn.training.chosen import flag, typed

    given, chosen = {name: ctx.params[name] for name in _SEARCH}, set(typed(ctx))
    drawn = given.pop("sample")
    if drawn:
        if ignored := sorted(chosen & {"beam", "groups", "diversity"}):
            raise UsageError(f"{flag(ignored[0])} is of a search", "leave it out with --sample")
        given |= {"beam": drawn, "draw": True}
    else:
        if ignored := sorted(chosen & {"temperature", "top_p", "seed"}):
            raise UsageError(f"{flag(ignored[0])} is of what is drawn", "say --sample N too")
        if "diversity" in chosen and given["groups"] == 1:
            raise UsageError("--diversity is how groups avoid each other", "say --groups 3 too")
    return DecodeSettings(beam_width=given.pop("beam"), **given)

_net_options = options.block(
    click.option("--rnn", type=click.Choice(["lstm", "gru"]), default="lstm", help="Which net."),
    click.option(
        "--layers", type=options.POSITIVE, default=1, help="Recurrent layers, one on the other."
    ),
    click.option(
        "--fusion", type=click.Choice(["concat", "multiply", "add"]),
        help="How --model merge joins words and picture. Default: concat.",
    ),
    click.option("--hidden", type=options.POSITIVE, help="Units of a recurrent layer."),
    click.option("--embedding", type=options.POSITIVE, help="Size of the word vectors."),
    click.option(
        "--embeddings", default="learned", metavar="learned|word2vec|FILE",
        help="What word vectors begin with: chance, word2vec of the captions, or a file.",
    ),
    click.option(
        "--frozen-words/--tuned-words", default=None,
        help="Leave them as they are. Default: they are tuned.",
    ),
    click.option(
        "--output", type=click.Choice(["words", "vectors"]), default="words",
        help="Foretell the next word, or its vector and take the nearest word.",
    ),
    click.option("--tie", is_flag=True, help="A word's vector is its weights at the output too."),
    click.option("--dropout", type=float, help="Share of units dropped in training."),
    click.option("--feature-dropout", type=float, help="Share of picture features dropped."),
    click.option(
        "--tokenizer", type=click.Choice(["words", "characters"]),
        help="characters: for Chinese and other text without spaces. Default: words.",
    ),
    click.option("--min-count", type=options.POSITIVE, help="Rarer words are unknown."),
)  # fmt: skip

_fit_options = options.block(
    click.option("--epochs", type=options.POSITIVE, help="At most so many passes over the data."),
    click.option("--batch", type=options.POSITIVE, help="Pictures in a batch."),
    click.option(
        "--reward", type=click.Choice(["cider"]),
        help="Learn from captions drawn by the model of --init, weighed by their CIDEr.",
    ),
    click.option(
        "--learning-rate", type=float,
        help="Its highest value. Default: 0.001 for photos, 0.004 for scenes.",
    ),
    click.option(
        "--schedule", type=click.Choice(["cosine", "plateau", "fixed"]),
        help="How the learning rate falls. Default: cosine.",
    ),
    click.option("--clip-norm", type=float, help="Largest gradient norm, 0: any. Default: 5."),
    click.option("--smoothing", type=float, help="Label smoothing. Default: 0.1."),
    click.option(
        "--scheduled", type=float, default=0.0,
        help="Share of its own words that the net learns to go on from. Default: none.",
    ),
    click.option(
        "--fine-tune", is_flag=True, help="Train the top of the backbone too, its last block."
    ),
    click.option(
        "--cnn-rate", type=float,
        help="Its learning rate. Default: 0.0001 for photos, 0.001 for scenes.",
    ),
    click.option("--patience", type=options.POSITIVE, help="Epochs without gain. Default: 5."),
    click.option("--holdout", type=options.POSITIVE, help="Training pictures kept aside."),
    click.option(
        "--precision", type=click.Choice(["float32", "mixed_bfloat16"]),
        help="Of the sums in training; the second is faster where the processor has it.",
    ),
    click.option("--mirror/--no-mirror", default=None, help="Also train on mirrored pictures."),
)  # fmt: skip


@caption.command(
    examples=[
        ("cnnrnn caption train", "the built-in world, a few minutes"),
        ("cnnrnn caption train --data captions.csv --dry-run", "check your data first"),
        ("cnnrnn caption train --data Flickr8k --weights weights.h5", "photos"),
        ("cnnrnn caption train --data clips --model clip-lstm", "clips: what happens in them"),
        ("cnnrnn caption train --resume runs/caption/scenes-1", "go on after an interruption"),
        (
            "cnnrnn caption train --init runs/caption/scenes-1 --reward cider",
            "better captions from its own tries",
        ),
    ],
)
@options.data_options()
@options.model_option(MODELS)
@options.backbone_options
@click.option(
    "--frames", type=options.POSITIVE, metavar="N",
    help="The data are clips; look at N frames of each. Default of --data clips: 8.",
)  # fmt: skip
@options.features_option
@_net_options
@_fit_options
@options.seed_options
@options.tensorboard_option
@options.name_option
@options.resume_options
@click.option(
    "--init", type=options.PATH, metavar="RUN",
    help="Begin with the weights of a run, on its data unless --data says otherwise.",
)  # fmt: skip
@options.device_options
@click.pass_context
def train(ctx, name, resume, config, init, dry_run, device, threads, **_) -> int:
    """Train a captioner and keep it in runs/caption/."""
    from cnnrnn import backend
    from cnnrnn.caption import train as training
    from cnnrnn.caption.settings import TrainSettings
    from cnnrnn.caption.warm_start import begun_from
    from cnnrnn.training.chosen import changes_of, settings_of
    from cnnrnn.training.outline import Flags, check_begin, tell_estimate, tell_outcome

    if init and config:
        raise UsageError(
            "--config and --init both name a run whose options to take",
            "the configuration of a run that was begun with --init repeats that too",
        )
    if init and not resume:
        settings = begun_from(init, changes_of(ctx, TrainSettings))
    else:
        settings = settings_of(ctx, TrainSettings, TASK, resume, config)
    backend.choose(device=device, threads=threads)
    flags = Flags.of(ctx.params)
    if dry_run:
        check_begin(options.RUNS, TASK, name, flags)
        tell_estimate(training.dry_run(settings))
        return 0
    outcome = training.train(settings, options.RUNS, name, flags, resume)
    return tell_outcome(TASK, outcome, "predict", _example(outcome.run))


def _example(run) -> str:
    built_in = {"scenes": "scenes:3", "clips": "clips:3"}
    named = "clip.mp4" if run.config.get("frames") else "photo.jpg"
    return built_in.get(run.config["data"], named)


@caption.command(
    examples=[
        ("cnnrnn caption evaluate", "the newest run on the test split of the built-in world"),
        ("cnnrnn caption evaluate --data captions.csv --predictions results.json --split all", ""),
    ],
)
@options.data_options(default=None)
@click.option(
    "--split", type=click.Choice(["train", "val", "test", "all"]), default="test",
    help="Which pictures.",
)  # fmt: skip
@click.option(
    "--predictions", type=options.PATH, metavar="FILE",
    help='Score these captions, [{"image_id": ..., "caption": ...}], with no model.',
)  # fmt: skip
@click.option(
    "--tokenizer", type=click.Choice(["words", "characters"]), default="words",
    help="How --predictions are cut into tokens.",
)  # fmt: skip
@options.run_option
@_runs_option
@options.features_option
@_search_options
@click.option("--no-baselines", is_flag=True, help="Only the captions themselves.")
@options.json_option
@click.option("-o", "--output", type=options.PATH, metavar="FILE", help="Write the captions there.")
@options.device_options
@click.pass_context
def evaluate(
    ctx, data, format, limit, split, predictions, tokenizer, run, runs, features, no_baselines,
    json, output, device, threads, **_
) -> int:  # fmt: skip
    """Score captions: BLEU, METEOR (where Java is), ROUGE-L and CIDEr."""
    from cnnrnn import backend
    from cnnrnn.caption import evaluate as evaluation
    from cnnrnn.training.chosen import flag, typed

    backend.choose(device=device, threads=threads)
    if predictions:
        unused = {"run", "runs", "features", "no_baselines", *_SEARCH}
        if others := sorted(unused & set(typed(ctx))):
            raise UsageError(
                f"{flag(others[0])} does not go with --predictions",
                "a file of captions is scored without a model",
            )
    elif "tokenizer" in typed(ctx):
        raise UsageError("--tokenizer goes with --predictions only", "a run knows its own")
    found, failures = evaluation.run_or_file(
        data, format, limit, split, predictions, tokenizer, _run_or_runs(run, runs), features,
        _search(ctx), not no_baselines,
    )
    evaluation.show(found, json)
    if output:
        evaluation.write_results(output, found[0])
        console.info(f"captions  {output}")
    return 1 if failures else 0


@caption.command(
    examples=[
        ("cnnrnn caption predict photo.jpg", "one sentence"),
        ("cnnrnn caption predict photos/ -o captioned", "annotated pictures, attention strips"),
        ('cnnrnn caption predict scenes:3 --start "a dog" --trace', "word by word"),
        ("cnnrnn caption predict scenes:3 --sample 5 --top-p 0.9 --json", "five that were drawn"),
    ],
)
@options.sources_argument
@options.run_option
@_runs_option
@_search_options
@click.option("--start", default="", metavar="TEXT", help="The beginning of every sentence.")
@click.option("--trace", is_flag=True, help="Show the five best words at each step.")
@click.option("--font", type=options.PATH, metavar="FILE", help="Font of the annotated pictures.")
@options.limit_option
@options.output_options
@options.device_options
@click.pass_context
def predict(
    ctx, sources, run, runs, start, trace, font, limit, json, output, device, threads, **_
) -> int:  # fmt: skip
    """Write a sentence for each picture: files, folders, globs, lists, - or scenes:N.

    A run that was trained on clips takes clips instead, or clips:N.
    """
    from cnnrnn import backend
    from cnnrnn.caption import predict as prediction

    if font and not output:
        raise UsageError("--font is of the annotated pictures", "give a folder with -o")
    backend.choose(device=device, threads=threads)
    settings = prediction.PredictSettings(_search(ctx), start, trace, json, output, font, limit)
    return prediction.predict(sources, _run_or_runs(run, runs), settings)


caption.add_command(verbs.features_command(TASK))
caption.add_command(verbs.runs_command(TASK))
caption.add_command(verbs.export_command(TASK, ("keras", "saved-model", "onnx")))
