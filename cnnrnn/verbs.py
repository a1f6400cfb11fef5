"""The verbs that tasks have alike: `features`, `runs` and `export`.

    from cnnrnn import verbs

    caption.add_command(verbs.features_command("caption"))
    caption.add_command(verbs.runs_command("caption"))

Like `options`, on which it stands, the module is light.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import click

from cnnrnn import console, options


def features_command(task: str, trains: bool = True) -> click.Command:
    """The verb `features` of a task: extract through the cache, and look after the cache.

    Args:
        task: as it is typed.
        trains: the task trains on features; False for one whose own net looks at pictures.
    """
    purpose = (
        "so that training finds them in the cache" if trains
        else "into the cache; training looks at the pictures anew, for its net learns to see"
    )  # fmt: skip

    @click.command(
        "features", cls=options.ExampleCommand,
        help=f"Extract features, {purpose}.\n\nSOURCES are pictures: files, folders, globs, a list "
        "(@names.txt or - for stdin), scenes:N.",
        examples=[
            (f"cnnrnn {task} features photos/", "look at every photo of a folder, once"),
            (f"cnnrnn {task} features scenes:0-99 --json", "what was cached and what was not"),
            (f"cnnrnn {task} features --info", "what the cache holds"),
        ],
    )
    @click.argument("sources", nargs=-1, type=click.Path())
    @click.option("--info", "verb", flag_value="info", help="List the cache files instead.")
    @click.option("--verify", "verb", flag_value="verify", help="Check every cached row instead.")
    @click.option("--clear", "verb", flag_value="clear", help="Empty the cache instead.")
    @click.option(
        "--layer", type=click.Choice(["grid", "pooled", "below", "pixels"]), default="grid",
        help="Which output of the backbone.",
    )
    @options.backbone_options
    @options.limit_option
    @options.device_options
    @options.json_option
    @click.pass_context
    def features(ctx: click.Context, sources: tuple, verb: str | None, **given: Any) -> int:
        if bool(sources) == bool(verb):
            problem = f"--{verb} takes no SOURCES" if verb else "Missing argument 'SOURCES...'"
            raise click.UsageError(problem, ctx)

        from cnnrnn import backend
        from cnnrnn.features import verbs

        if verb:
            return verbs.CACHE_VERBS[verb](given["json"])
        backend.choose(given["device"], given["threads"])
        return verbs.extract(
            sources, given["backbone"], given["weights"], given["layer"], given["image_size"],
            given["limit"], given["json"],
        )

    return features


def runs_command(task: str) -> click.Command:
    """The verb `runs` of a task: its runs in `runs/TASK/`, best first."""

    @click.command(
        "runs", cls=options.ExampleCommand,
        examples=[
            (f"cnnrnn {task} runs", "all runs, best first"),
            (f"cnnrnn {task} runs --json", "the same for programs"),
        ],
    )
    @options.json_option
    def runs(json: bool) -> None:
        """List the runs, best first."""
        from cnnrnn.training.run import list_runs

        found = list_runs(options.RUNS, task)
        if json:
            for each in found:
                console.json_line(each.as_dict())
        elif found:
            head = ["run", "model", "data", "epochs", "metric", "value", "made", "state"]
            console.result(console.table(head, map(_run_row, found)))
        else:
            console.info(f"no runs in {options.RUNS}/{task}/; `cnnrnn {task} train` makes one")

    return runs


def _run_row(run: Any) -> list:
    """One row of the table of runs, from a `training.run.RunSummary`."""
    made = run.created[:16].replace("T", " ")
    state = "finished" if run.finished else "not finished"
    return [str(run.path), run.model, run.data, run.epochs, run.metric, run.value, made, state]


def export_command(
    task: str, forms: Sequence[str] = ("keras", "saved-model")
) -> click.Command:
    """The verb `export` of a task: a run's model for other programs.

    Args:
        task: as it is typed.
        forms: those of `training.export.FORMS` that its models can be written in.
    """
    more = ", or ONNX" if "onnx" in forms else ""

    @click.command(
        "export", cls=options.ExampleCommand,
        examples=[
            (f"cnnrnn {task} export -o exported", "the newest run, as one Keras file"),
            (f"cnnrnn {task} export -o exported --as saved-model", "for TensorFlow's programs"),
        ],
    )
    @options.run_option
    @click.option(
        "-o", "--output", type=options.PATH, metavar="DIR", required=True, help="A new folder."
    )
    @click.option(
        "--as", "form", type=click.Choice(forms), default="keras",
        help=f"One .keras file, TensorFlow's SavedModel{more}.",
    )
    @options.device_options
    def export(run, output, form, device, threads) -> int:
        """Write a run's model for other programs, and see that it still says the same."""
        from cnnrnn import backend

        backend.choose(device=device, threads=threads)
        from cnnrnn.training.export import export

        of_task = importlib.import_module(f"cnnrnn.{task.replace('-', '_')}.export")
        difference = export(of_task.opened, run, output, form)
        console.closing(
            ("export", f"outputs agree to {difference:.1e}"),
            ("saved", f"{output}/"),
        )
        return 0

    return export
