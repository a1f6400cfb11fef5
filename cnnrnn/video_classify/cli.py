"""`cnnrnn video-classify`: the command line of the video classifier."""

from __future__ import annotations

import click

from cnnrnn import console, options, verbs
from cnnrnn.errors import UsageError

TASK = "video-classify"
MODELS = (
    "lstm", "bilstm", "gru", "lstm-vote", "attention", "top-k", "mean", "max", "mean-std", "c3d",
)  # fmt: skip
ENSEMBLE = "ensemble"
FORMATS = ("auto", "folder", "csv", "jsonl", "ucf101")
STREAMS = ("rgb", "motion", "flow", "rgb+motion", "rgb+flow")


_TOOLS = "cnnrnn.video_classify.cli_tools"


@click.group(
    name=TASK,
    cls=options.ExampleGroup,
    lazy={name: f"{_TOOLS}:{name}" for name in ("compare", "check", "features", "export")},
    examples=[
        ("cnnrnn video-classify predict data/door.mp4", "is the door being opened or closed?"),
        ("cnnrnn video-classify train", "train on the built-in clips"),
        ("cnnrnn video-classify train --data clips/", "train on your own, a folder a label"),
    ],
)
def video_classify() -> None:
    """A label for a clip: a convolutional net sees each frame, a recurrent net sees their order."""


data_options = options.block(
    click.option(
        "--data", default="clips", metavar="DIR|FILE|clips|clips-busy",
        help="Clips and labels; clips is the built-in set, clips-busy has frames in between "
        "that say nothing.",
    ),
    click.option(
        "--format", type=click.Choice(FORMATS), default="auto",
        help="Layout of --data; auto finds it.",
    ),
    click.option(
        "--limit", type=options.POSITIVE, metavar="N",
        help="At most N clips of each split, the labels in turn.",
    ),
    click.option(
        "--split-by", type=click.Choice(["group", "clip"]),
        help="Keep groups whole (default) or not, where clips must be divided.",
    ),
    click.option("--fold", metavar="I/N", help="The I-th of N folds is the test split."),
)  # fmt: skip
"""`data`, `format`, `limit`, `split_by`, `fold`."""

frame_options = options.block(
    click.option(
        "--stream", type=click.Choice(STREAMS),
        help="What is seen: frames, differences of neighbours, optical flow. Default: rgb.",
    ),
    click.option(
        "--grid", metavar="RxC", help="Keep rows and columns of a frame apart, such as 2x2."
    ),
    click.option(
        "--view", type=click.Choice(["frames", "changes", "centred", "both"]),
        help="How nets that see order look at rgb frames. Default: changes for the built-in "
        "clips, else both (frames and changes).",
    ),
    click.option("--frames", type=options.POSITIVE, help="Frames sampled over the whole clip."),
    click.option("--fps", type=float, help="Frames a second instead, --frames of them at most."),
)  # fmt: skip

_net_options = options.block(
    click.option("--hidden", type=options.POSITIVE, help="Units of the recurrent net."),
    click.option(
        "--votes", type=click.Choice(["mean", "last", "max", "learned"]),
        help="How lstm-vote joins its judgements. Default: mean.",
    ),
    click.option("--keep", type=options.POSITIVE, help="Frames that top-k keeps. Default: 6."),
    click.option("--width", type=options.POSITIVE, help="First filters of c3d. Default: 12."),
    click.option("--dropout", type=float, help="Share of units dropped in training."),
    click.option("--feature-dropout", type=float, help="Share of features dropped."),
)  # fmt: skip

_fit_options = options.block(
    click.option("--epochs", type=options.POSITIVE, help="At most so many passes over the data."),
    click.option("--batch", type=options.POSITIVE, help="Clips in a batch. Default: 32."),
    click.option("--learning-rate", type=float, help="Its highest value. Default: 0.002."),
    click.option(
        "--schedule", type=click.Choice(["cosine", "plateau", "fixed"]),
        help="How the learning rate falls. Default: cosine.",
    ),
    click.option("--clip-norm", type=float, help="Largest gradient norm, 0: any. Default: 5."),
    click.option("--smoothing", type=float, help="Label smoothing. Default: 0.05."),
    click.option(
        "--balance/--no-balance", default=None,
        help="Weigh labels by how rare they are. Default: where they are uneven.",
    ),
    click.option("--patience", type=options.POSITIVE, help="Epochs without gain. Default: 10."),
    click.option(
        "--holdout", type=click.IntRange(min=0),
        help="Training clips kept aside where there is no split val; 0: none, the last epoch.",
    ),
)  # fmt: skip


@video_classify.command(
    examples=[
        ("cnnrnn video-classify train", "the built-in clips, an LSTM"),
        ("cnnrnn video-classify train --model attention --data clips-busy", "choose frames"),
        ("cnnrnn video-classify train --data clips.csv --dry-run", "check your data first"),
        ("cnnrnn video-classify train --data clips.csv --stream motion", "see movement only"),
        ("cnnrnn video-classify train --model ensemble --members RUN --members RUN", "join runs"),
    ],
)
@data_options
@options.model_option((*MODELS, ENSEMBLE))
@click.option(
    "--members", type=options.PATH, multiple=True, metavar="RUN",
    help="A run of the ensemble; give it twice or more.",
)  # fmt: skip
@options.backbone_options
@frame_options
@_net_options
@_fit_options
@options.seed_options
@options.tensorboard_option
@options.name_option
@options.resume_options
@options.device_options
@click.pass_context
def train(ctx, model, members, name, resume, config, dry_run, device, threads, **_) -> int:
    """Train a video classifier and keep it in runs/video-classify/."""
    from cnnrnn import backend

    backend.choose(device=device, threads=threads)
    if model == ENSEMBLE or members:
        return _join(ctx, model, members, name)
    from cnnrnn.training.chosen import settings_of
    from cnnrnn.training.outline import Flags, check_begin, tell_estimate, tell_outcome
    from cnnrnn.video_classify import train as training
    from cnnrnn.video_classify.settings import TrainSettings

    settings = settings_of(ctx, TrainSettings, TASK, resume, config)
    flags = Flags.of(ctx.params)
    if dry_run:
        check_begin(options.RUNS, TASK, name, flags)
        tell_estimate(training.dry_run(settings))
        return 0
    outcome = training.train(settings, options.RUNS, name, flags, resume)
    return tell_outcome(TASK, outcome, "predict", _example(outcome.run))


def _join(ctx, model, members, name) -> int:
    from cnnrnn.training.chosen import flag, typed
    from cnnrnn.video_classify import ensemble

    if model != ENSEMBLE:
        raise UsageError("--members goes with --model ensemble only")
    unused = set(typed(ctx)) - {"model", "members", "name", "device", "threads"}
    if unused:
        raise UsageError(
            f"{flag(min(unused))} does not go with --model ensemble",
            "its members were trained before; give them with --members",
        )
    joined = ensemble.join(members, options.RUNS, name)
    ensemble.show(joined)
    top = joined.evaluations[0].scores.overall["top1"]
    console.closing(
        (TASK, f"an ensemble of {len(members)} runs, top-1 {top:.3f} on the test split"),
        ("saved", f"{joined.run.path}/"),
        ("next", f"cnnrnn {TASK} predict {_example(joined.run)} --run {joined.run.path}"),
    )
    return 1 if joined.failures else 0


def _example(run) -> str:
    return "clips:3" if str(run.config["data"]).startswith("clips") else "clip.mp4"


@video_classify.command(
    examples=[
        ("cnnrnn video-classify evaluate", "the newest run on the test split of its data"),
        ("cnnrnn video-classify evaluate --data clips.csv --predictions scores.jsonl", "no model"),
    ],
)
@data_options
@click.option(
    "--split", type=click.Choice(["train", "val", "test", "all"]), default="test",
    help="Which clips.",
)  # fmt: skip
@click.option(
    "--predictions", type=options.PATH, metavar="FILE",
    help='Score these JSON lines, {"path": ..., "scores": {label: score}}, with no model.',
)  # fmt: skip
@options.run_option
@click.option("--no-controls", is_flag=True, help="Only the classifier itself.")
@options.json_option
@click.option("-o", "--output", type=options.PATH, metavar="FILE", help="Write the scores there.")
@options.device_options
@click.pass_context
def evaluate(
    ctx, split, predictions, run, no_controls, json, output, device, threads, **_
) -> int:
    """Score a classifier: top-1, top-5, mean class accuracy, confusion, and controls of order."""
    from cnnrnn import backend
    from cnnrnn.training.chosen import flag, typed
    from cnnrnn.video_classify import evaluate as evaluation
    from cnnrnn.video_classify.settings import TrainSettings

    backend.choose(device=device, threads=threads)
    given = typed(ctx)
    if predictions and (others := sorted({"run", "no_controls"} & set(given))):
        raise UsageError(
            f"{flag(others[0])} does not go with --predictions",
            "a file of scores is scored without a model",
        )
    data = {"data", "format", "limit", "split_by", "fold"}
    changes = {key: value for key, value in given.items() if key in data}
    failures: list = []
    if predictions:
        found = evaluation.evaluate_predictions(TrainSettings(**changes), split, predictions)
    else:
        found, failures = evaluation.evaluate_run(run, changes, split, not no_controls)
    evaluation.show(found, json)
    if output:
        evaluation.write_results(output, found[0])
        console.info(f"scores  {output}")
    return 1 if failures else 0


@video_classify.command(
    examples=[
        ("cnnrnn video-classify predict clip.mp4", "the most probable labels"),
        ("cnnrnn video-classify predict film.mp4 --window 2", "every two seconds of a long file"),
        ("cnnrnn video-classify predict clips/ -o judged", "annotated clips, votes over time"),
    ],
)
@options.sources_argument
@options.run_option
@click.option("--top", type=options.POSITIVE, default=3, help="Labels shown of each clip.")
@click.option(
    "--window", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
    help="Judge windows of this length, each beginning half of it after the last.",
)  # fmt: skip
@click.option("--limit", type=options.POSITIVE, metavar="N", help="Take only the first N clips.")
@options.json_option
@click.option(
    "-o", "--output", type=options.PATH, metavar="DIR|FILE",
    help="Also write annotated clips into this folder, or one of them as this .mp4 or .gif.",
)  # fmt: skip
@options.device_options
def predict(sources, run, top, window, limit, json, output, device, threads) -> int:
    """Judge clips: files, folders, globs, lists, - or clips:N."""
    from cnnrnn import backend
    from cnnrnn.video_classify import predict as prediction

    backend.choose(device=device, threads=threads)
    settings = prediction.PredictSettings(top, window, json, output, limit)
    return prediction.predict(sources, run, settings)


video_classify.add_command(verbs.runs_command(TASK))
