"""The commands beside training and prediction: compare, check, features, export."""

from __future__ import annotations

import click

from cnnrnn import options, verbs
from cnnrnn.video_classify.cli import TASK, data_options, frame_options

LIMIT = click.option(
    "--limit", type=options.POSITIVE, metavar="N", help="Take only the first N clips."
)


@click.command(
    cls=options.ExampleCommand,
    examples=[
        ("cnnrnn video-classify compare --quick", "every model once, in minutes"),
        ("cnnrnn video-classify compare", "three seeds, intervals, the claims of the course"),
        ("cnnrnn video-classify compare --data clips.csv --models mean,lstm", "your own data"),
    ],
)
@data_options
@click.option(
    "--models", metavar="LIST", help="Only these, such as mean,lstm. Default: all of them."
)
@click.option("--seeds", type=options.POSITIVE, help="Trainings of each model. Default: 3.")
@click.option("--quick", is_flag=True, help="One seed, less data, fewer epochs.")
@options.backbone_options
@frame_options
@click.option("--epochs", type=options.POSITIVE, help="At most so many passes over the data.")
@click.option("--holdout", type=click.IntRange(min=0), help="As in train.")
@click.option("--batch", type=options.POSITIVE, help="Clips in a batch. Default: 32.")
@click.option("--hidden", type=options.POSITIVE, help="Units of the recurrent nets.")
@click.option("--width", type=options.POSITIVE, help="First filters of c3d. Default: 12.")
@options.name_option
@options.json_option
@options.device_options
@click.pass_context
def compare(ctx, models, seeds, quick, name, json, device, threads, **_) -> int:
    """Train all models on the same features, and test what the course claims.

    What was trained stays in runs/compare/NAME/: called again, the command goes on there.
    """
    from cnnrnn import backend
    from cnnrnn.training.chosen import settings_of
    from cnnrnn.video_classify import compare as comparison
    from cnnrnn.video_classify.settings import TrainSettings

    backend.choose(device=device, threads=threads)
    base = settings_of(ctx, TrainSettings, TASK, None, None)
    plan = comparison.plan(base, models.split(",") if models else None, seeds, quick)
    return comparison.compare(plan, options.RUNS, name, json)


@click.command(
    cls=options.ExampleCommand,
    examples=[
        ("cnnrnn video-classify check clip.mp4", "does it decode, and what is in it?"),
        ("cnnrnn video-classify check clips/ --json", "the same of a folder, for programs"),
    ],
)
@options.sources_argument
@LIMIT
@options.json_option
def check(sources, limit, json) -> int:
    """Decode clips on trial: real and header's frames, codec, rotation, damage."""
    from cnnrnn.video_classify import trial

    return trial.check(sources, limit, json)


@click.command(
    cls=options.ExampleCommand,
    examples=[
        ("cnnrnn video-classify features clips/", "look at every clip of a folder, once"),
        ("cnnrnn video-classify features clips:0-9 --stream motion", "what moves in them"),
        ("cnnrnn video-classify features --info", "what the cache holds"),
    ],
)
@click.argument("sources", nargs=-1, type=click.Path())
@click.option("--info", "verb", flag_value="info", help="List the cache files instead.")
@click.option("--verify", "verb", flag_value="verify", help="Check every cached row instead.")
@click.option("--clear", "verb", flag_value="clear", help="Empty the cache instead.")
@options.backbone_options
@frame_options
@LIMIT
@options.device_options
@options.json_option
@click.pass_context
def features(ctx, sources, verb, limit, device, threads, json, **given) -> int:
    """Extract features, so that training finds them in the cache.

    SOURCES are clips: files, folders, globs, a list (@names.txt or - for stdin), clips:N.
    """
    if bool(sources) == bool(verb):
        problem = f"--{verb} takes no SOURCES" if verb else "Missing argument 'SOURCES...'"
        raise click.UsageError(problem, ctx)
    from cnnrnn import backend

    if verb:
        from cnnrnn.features import verbs

        return verbs.CACHE_VERBS[verb](json)
    from cnnrnn.training.chosen import typed
    from cnnrnn.video_classify import features as extraction

    backend.choose(device=device, threads=threads)
    chosen = {key: value for key, value in given.items() if key in typed(ctx)}
    return extraction.extract(sources, chosen, limit, json)


export = verbs.export_command(TASK)
