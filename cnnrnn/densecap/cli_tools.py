"""The commands beside training and description: compare, export."""

from __future__ import annotations

import click

from cnnrnn import options, verbs
from cnnrnn.densecap.cli import FORMATS, TASK, fit_options, net_options, without_option


@click.command(
    cls=options.ExampleCommand,
    examples=[
        ("cnnrnn densecap compare --quick", "every variant once, in minutes"),
        ("cnnrnn densecap compare", "three seeds, intervals, the claims of the course"),
        ("cnnrnn densecap compare --data regions.csv --variants end-to-end", "your own data"),
    ],
)
@options.data_options(FORMATS)
@without_option
@click.option(
    "--variants", metavar="LIST",
    help="Only these of end-to-end, frozen (the CNN is not trained), no-words (no language loss). "
    "Default: all of them.",
)  # fmt: skip
@click.option("--seeds", type=options.POSITIVE, help="Trainings of each variant. Default: 3.")
@click.option("--quick", is_flag=True, help="One seed, less data, fewer epochs.")
@net_options
@fit_options
@options.name_option
@options.json_option
@options.device_options
@click.pass_context
def compare(ctx, variants, seeds, quick, name, json, device, threads, **_) -> int:
    """Compare dense phrases with one sentence, and ways to train; test what the course claims.

    What was trained stays in runs/compare/NAME/: called again, the command goes on there. On the
    built-in world some pairs of words are held out of all trainings and looked for, see --without.
    """
    from cnnrnn import backend
    from cnnrnn.densecap import compare as comparison
    from cnnrnn.densecap.settings import TrainSettings
    from cnnrnn.training.chosen import settings_of

    backend.choose(device=device, threads=threads)
    base = settings_of(ctx, TrainSettings, TASK, None, None)
    plan = comparison.plan(base, variants.split(",") if variants else None, seeds, quick)
    return comparison.compare(plan, options.RUNS, name, json)


export = verbs.export_command(TASK)
