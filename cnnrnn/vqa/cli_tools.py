"""The commands beside training and asking: compare, export."""

from __future__ import annotations

import click

from cnnrnn import options, verbs
from cnnrnn.vqa.cli import TASK, backbone_options, data_options, fit_options, net_options


@click.command(
    cls=options.ExampleCommand,
    examples=[
        ("cnnrnn vqa compare --quick", "every model once, in minutes"),
        ("cnnrnn vqa compare", "three seeds, intervals, the claims of the course"),
        ("cnnrnn vqa compare --data questions.csv --models san,lstm-cnn", "your own data"),
    ],
)
@data_options
@click.option(
    "--models", metavar="LIST",
    help="Only these of san, san-1 (one hop), lstm-cnn, question-only. Default: all of them.",
)  # fmt: skip
@click.option("--seeds", type=options.POSITIVE, help="Trainings of each model. Default: 3.")
@click.option("--quick", is_flag=True, help="One seed, less data, fewer epochs.")
@net_options
@backbone_options
@fit_options
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
    from cnnrnn.vqa import compare as comparison
    from cnnrnn.vqa.settings import TrainSettings

    backend.choose(device=device, threads=threads)
    base = settings_of(ctx, TrainSettings, TASK, None, None)
    plan = comparison.plan(base, models.split(",") if models else None, seeds, quick)
    return comparison.compare(plan, options.RUNS, name, json)


export = verbs.export_command(TASK)
