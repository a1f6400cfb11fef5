"""`cnnrnn densecap`: the command line of regions and their phrases."""

from __future__ import annotations

import click

from cnnrnn import options, verbs
from cnnrnn.errors import UsageError

TASK = "densecap"
BACKBONES = ("scenes", "mobilenet_v2", "vgg16")
_TOOLS = "cnnrnn.densecap.cli_tools"
FORMATS = ("auto", "visual-genome", "coco", "yolo", "voc", "jsonl", "csv")


@click.group(
    cls=options.ExampleGroup,
    lazy={name: f"{_TOOLS}:{name}" for name in ("compare", "export")},
    examples=[
        ("cnnrnn densecap train", "train on the built-in world"),
        ("cnnrnn densecap predict photo.jpg", "boxes with phrases"),
        ("cnnrnn densecap train --data regions.csv", "train on your own pictures"),
    ],
)
def densecap() -> None:
    """Every region told: boxes and phrases from one network, trained end to end."""


net_options = options.block(
    click.option(
        "--backbone", type=click.Choice(BACKBONES),
        help="The network that sees. Default: scenes for the built-in data, else mobilenet_v2.",
    ),
    click.option(
        "--weights", metavar="auto|imagenet|random|FILE", default="auto",
        help="Its weights; auto: the shipped ones for scenes, else imagenet.",
    ),
    click.option(
        "--image-size", type=options.POSITIVE, metavar="PX",
        help="Longer side of the pictures it sees. Default: 512 for photos.",
    ),
    click.option("--pooled", type=options.POSITIVE, help="Channels of a pooled region."),
    click.option("--filters", type=options.POSITIVE, help="Channels of the proposal head."),
    click.option("--code", type=options.POSITIVE, help="Units of the recognition net."),
    click.option("--hidden", type=options.POSITIVE, help="Units of the LSTM."),
    click.option("--embedding", type=options.POSITIVE, help="Size of the word vectors."),
    click.option("--dropout", type=float, help="Share of units dropped in training."),
    click.option(
        "--tokenizer", type=click.Choice(["words", "characters"]),
        help="characters: for Chinese and other text without spaces. Default: words.",
    ),
    click.option("--min-count", type=options.POSITIVE, help="Rarer words are unknown."),
)  # fmt: skip


def _numbers(_ctx, _param, value):
    """Five numbers with commas, as a list."""
    if value is None:
        return None
    try:
        return [float(part) for part in value.split(",")]
    except ValueError:
        raise UsageError(f"--loss-weights {value!r}", "e.g. 0.1,0.05,0.1,0.1,1") from None


without_option = click.option(
    "--without", multiple=True, metavar="PHRASE",
    help="Leave out training pictures that show this, such as 'a red car', to see what becomes "
    "of combinations that it has never met.",
)  # fmt: skip

fit_options = options.block(
    click.option("--epochs", type=options.POSITIVE, help="At most so many passes over the data."),
    click.option("--batch", type=options.POSITIVE, help="Pictures in a batch."),
    click.option("--learning-rate", type=float, help="Of all but the backbone, at its highest."),
    click.option("--cnn-rate", type=float, help="Of the backbone (SGD), at its highest."),
    click.option("--frozen", is_flag=True, help="Do not train the backbone."),
    click.option(
        "--wait", type=click.IntRange(min=0), help="Epochs before the backbone learns. Default: 1."
    ),
    click.option("--sample", type=options.POSITIVE, help="Boxes of a picture learned from."),
    click.option("--phrases", type=options.POSITIVE, help="Phrases of a picture learned from."),
    click.option("--positive", type=float, help="IoU from which a box is of a truth."),
    click.option("--negative", type=float, help="IoU up to which it is of none. Default: 0.3."),
    click.option(
        "--box-gradient", type=float,
        help="Share of the later losses' gradient that moves the boxes. Default: 0.01.",
    ),
    click.option(
        "--loss-weights", callback=_numbers, metavar="A,B,C,D,E",
        help="Of proposal objectness and boxes, final objectness and boxes, captions. "
        "Default: 0.1,0.05,0.1,0.1,1.",
    ),
    click.option(
        "--schedule", type=click.Choice(["cosine", "plateau", "fixed"]),
        help="How the learning rates fall. Default: cosine.",
    ),
    click.option("--clip-norm", type=float, help="Largest gradient norm, 0: any. Default: 5."),
    click.option("--patience", type=options.POSITIVE, help="Epochs without gain. Default: 5."),
    click.option("--holdout", type=options.POSITIVE, help="Training pictures kept aside."),
    click.option("--mirror/--no-mirror", default=None, help="Also train on mirrored pictures."),
)  # fmt: skip

_found_options = options.block(
    click.option(
        "--proposals", type=options.POSITIVE, default=300, help="Boxes that are looked at closely."
    ),
    click.option(
        "--overlap", type=click.FloatRange(0, 1), default=0.5,
        help="IoU of two regions above which only the better one is told.",
    ),
    click.option(
        "--beam", type=options.POSITIVE, default=1, help="Hypotheses kept at each word; 1: greedy."
    ),
)  # fmt: skip


@densecap.command(
    examples=[
        ("cnnrnn densecap train", "the built-in world"),
        ("cnnrnn densecap train --data regions.csv --dry-run", "check your data first"),
        ("cnnrnn densecap train --data visual_genome --weights weights.h5", "photos"),
        ("cnnrnn densecap train --resume runs/densecap/scenes-1", "go on after an interruption"),
    ],
)
@options.data_options(FORMATS)
@without_option
@net_options
@fit_options
@options.seed_options
@options.tensorboard_option
@options.name_option
@options.resume_options
@options.device_options
@click.pass_context
def train(ctx, name, resume, config, dry_run, device, threads, **_) -> int:
    """Train boxes and phrases together and keep them in runs/densecap/."""
    from cnnrnn import backend
    from cnnrnn.densecap import train as training
    from cnnrnn.densecap.settings import TrainSettings
    from cnnrnn.training.chosen import settings_of
    from cnnrnn.training.outline import Flags, check_begin, tell_estimate, tell_outcome

    settings = settings_of(ctx, TrainSettings, TASK, resume, config)
    backend.choose(device=device, threads=threads)
    flags = Flags.of(ctx.params)
    if dry_run:
        check_begin(options.RUNS, TASK, name, flags)
        tell_estimate(training.dry_run(settings))
        return 0
    outcome = training.train(settings, options.RUNS, name, flags, resume)
    example = "scenes:3" if outcome.run.config["data"] == "scenes" else "photo.jpg"
    return tell_outcome(TASK, outcome, "predict", example)


@densecap.command(
    examples=[
        ("cnnrnn densecap evaluate", "the newest run on the test split of its data"),
        (
            "cnnrnn densecap evaluate --data regions.csv --predictions found.json --split all",
            "anybody's boxes and phrases, with no model",
        ),
    ],
)
@options.data_options(FORMATS, default=None)
@click.option(
    "--split", type=click.Choice(["train", "val", "test", "all"]), default="test",
    help="Which pictures.",
)  # fmt: skip
@click.option(
    "--predictions", type=options.PATH, metavar="FILE",
    help='Score these, [{"image": ..., "regions": [{"box": [x1, y1, x2, y2], "score": ..., '
    '"phrase": ...}]}], with no model.',
)  # fmt: skip
@options.run_option
@_found_options
@click.option(
    "--max-regions", type=options.POSITIVE, default=100, help="Regions of a picture, at most."
)
@click.option("--no-baselines", is_flag=True, help="Only the regions themselves.")
@options.json_option
@click.option("-o", "--output", type=options.PATH, metavar="FILE", help="Write the regions there.")
@options.device_options
@click.pass_context
def evaluate(
    ctx, data, format, limit, split, predictions, run, proposals, overlap, beam, max_regions,
    no_baselines, json, output, device, threads,
) -> int:  # fmt: skip
    """Score boxes and phrases: DenseCap's map, detection detmap, METEOR (where Java is)."""
    from cnnrnn import backend
    from cnnrnn.densecap import evaluate as evaluation
    from cnnrnn.training.chosen import flag, typed

    backend.choose(device=device, threads=threads)
    if predictions:
        unused = {"run", "proposals", "overlap", "beam", "max_regions", "no_baselines", "output"}
        if others := sorted(unused & set(typed(ctx))):
            raise UsageError(
                f"{flag(others[0])} does not go with --predictions",
                "a file of regions is scored without a model",
            )
    settings = evaluation.describe_settings(proposals, max_regions, overlap, beam)
    found, failures = evaluation.run_or_file(
        data, format, limit, split, predictions, run, settings, not no_baselines, output
    )
    evaluation.show(found, json)
    return 1 if failures else 0


@densecap.command(
    examples=[
        ("cnnrnn densecap predict photo.jpg", "a table of boxes with phrases"),
        ("cnnrnn densecap predict photos/ -o told", "annotated pictures, and results.json"),
        ("cnnrnn densecap predict --boxes regions.csv", "phrases for boxes of your own"),
    ],
)
@click.argument("sources", nargs=-1, type=click.Path())
@options.run_option
@click.option(
    "--boxes", type=options.PATH, metavar="FILE",
    help="Tell these boxes instead: a table of image, x, y, width, height in pixels.",
)  # fmt: skip
@click.option(
    "--max-regions", type=options.POSITIVE, default=10, help="Regions of a picture, at most."
)
@click.option(
    "--least", type=click.FloatRange(0, 1), default=0.1,
    help="Leave out regions that are less probable.",
)  # fmt: skip
@_found_options
@click.option(
    "--time-budget", type=float, metavar="SECONDS",
    help="For a picture, about; the surest regions come first.",
)  # fmt: skip
@click.option("--font", type=options.PATH, metavar="FILE", help="Font of the annotated pictures.")
@options.limit_option
@options.output_options
@options.device_options
@click.pass_context
def predict(
    ctx, sources, run, boxes, max_regions, least, proposals, overlap, beam, time_budget, font,
    limit, json, output, device, threads,
) -> int:  # fmt: skip
    """Find and tell the regions of pictures: files, folders, globs, lists, - or scenes:N."""
    from cnnrnn import backend
    from cnnrnn.densecap import predict as prediction
    from cnnrnn.densecap.evaluate import describe_settings
    from cnnrnn.training.chosen import flag, typed

    if not sources and not boxes:
        raise UsageError("no pictures", "give files, folders or scenes:N")
    if font and not output:
        raise UsageError("--font is of the annotated pictures", "give a folder with -o")
    unused = {"max_regions", "least", "proposals", "overlap", "time_budget"}
    if boxes and (others := sorted(unused & set(typed(ctx)))):
        raise UsageError(
            f"{flag(others[0])} leaves regions out, --boxes asks for all of its own", "use one"
        )
    backend.choose(device=device, threads=threads)
    describe = describe_settings(proposals, max_regions, overlap, beam, least, time_budget)
    settings = prediction.PredictSettings(describe, boxes, json, output, font, limit)
    return prediction.predict(sources, run, settings)


@densecap.command(
    examples=[
        ('cnnrnn densecap find "wheel of the car" photos/', "the best places in each picture"),
        ('cnnrnn densecap find "a red dog" scenes:0-19 --best', "the best pictures first"),
    ],
)
@click.argument("phrase")
@options.sources_argument
@options.run_option
@click.option("--places", type=options.POSITIVE, default=3, help="Places of a picture, at most.")
@click.option("--best", is_flag=True, help="Show the best pictures first, one place each.")
@options.limit_option
@options.json_option
@options.device_options
def find(phrase, sources, run, places, best, limit, json, device, threads) -> int:
    """Find the places of PHRASE in pictures, by its likelihood there."""
    from cnnrnn import backend
    from cnnrnn.densecap import search

    backend.choose(device=device, threads=threads)
    return search.find(phrase, sources, run, places, best, limit, json)


densecap.add_command(verbs.features_command(TASK, trains=False))
densecap.add_command(verbs.runs_command(TASK))
