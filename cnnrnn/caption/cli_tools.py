"""The command beside training and captioning: compare."""

from __future__ import annotations

import click

from cnnrnn import options
from cnnrnn.errors import UsageError


@click.command(
    cls=options.ExampleCommand,
    examples=[
        ("cnnrnn caption compare --quick", "every way once, in minutes"),
        ("cnnrnn caption compare", "three seeds, intervals, the claims of the course"),
        ("cnnrnn caption compare --data captions.csv --models merge,inject", "your own data"),
        ("cnnrnn caption compare --runs runs/caption/a,runs/caption/b", "what was trained"),
    ],
)
@options.data_options()
@click.option(
    "--split", type=click.Choice(["val", "test"]), default="test",
    help="Which pictures are captioned and judged.",
)  # fmt: skip
@click.option(
    "--models", metavar="LIST",
    help="Only these of attention, inject-init, inject, merge, no-clipping, fixed-rate, "
    "two-layers, word2vec, vectors; of clips clip-lstm, clip-mean, one-frame. Default: all, "
    "two-layers only beside --deeper.",
)  # fmt: skip
@click.option(
    "--runs", metavar="A,B", help="Compare these runs instead of training."
)
@click.option(
    "--deeper", metavar="BACKBONE", help="Also compare with a deeper CNN than --backbone."
)
@click.option(
    "--deeper-weights", metavar="auto|imagenet|random|FILE", default="auto",
    help="The weights of --deeper, as --weights are those of --backbone.",
)  # fmt: skip
@click.option("--seeds", type=options.POSITIVE, help="Trainings of each. Default: 3.")
@click.option("--quick", is_flag=True, help="One seed, less data, fewer epochs.")
@options.backbone_options
@click.option("--frames", type=options.POSITIVE, metavar="N", help="The data are clips, see train.")
@click.option("--hidden", type=options.POSITIVE, help="Units of a recurrent layer.")
@click.option("--embedding", type=options.POSITIVE, help="Size of the word vectors.")
@click.option(
    "--tokenizer", type=click.Choice(["words", "characters"]),
    help="characters: for Chinese and other text without spaces. Default: words.",
)  # fmt: skip
@click.option("--epochs", type=options.POSITIVE, help="At most so many passes over the data.")
@click.option("--batch", type=options.POSITIVE, help="Pictures in a batch.")
@click.option("--holdout", type=options.POSITIVE, help="Training pictures kept aside.")
@options.name_option
@options.json_option
@options.device_options
@click.pass_context
def compare(
    ctx, models, runs, deeper, deeper_weights, seeds, quick, name, json, device, threads, data,
    format, limit, split, **_
) -> int:  # fmt: skip
    """Train captioners in every way on the same pictures, and test what the course claims.

    What was trained stays in runs/compare/NAME/: called again, the command goes on there. Of the
    built-in world 800 pictures and 6 epochs, or 1,000 clips and 12, are taken where --limit and
    --epochs do not say otherwise.
    """
    from cnnrnn import backend
    from cnnrnn.caption import compare as comparison
    from cnnrnn.caption import compare_plan
    from cnnrnn.caption.settings import TrainSettings
    from cnnrnn.training.chosen import changes_of, flag, typed

    backend.choose(device=device, threads=threads)
    if runs:
        given = set(typed(ctx))
        allowed = {"runs", "data", "format", "limit", "split", "json", "device", "threads"}
        if others := sorted(given - allowed):
            raise UsageError(
                f"{flag(others[0])} does not go with --runs", "these were trained already"
            )
        if "format" in given and "data" not in given:
            raise UsageError("--format is the layout of --data", "give the data too")
        own = data if "data" in given else None
        return comparison.compare_runs(options.paths(runs), own, format, limit, split, json)
    # Of clips every model but the usual one can be compared.
    of_clips = data == "clips" or "frames" in typed(ctx)
    start = {"model": "clip-lstm"} if of_clips else {}
    base = TrainSettings(**start, **changes_of(ctx, TrainSettings))
    chosen = models.split(",") if models else None
    plan = compare_plan.plan(base, chosen, seeds, quick, deeper, deeper_weights, split)
    return comparison.compare(plan, options.RUNS, name, json)
