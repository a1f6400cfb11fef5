"""The blocks that every command line is made of: command classes and shared options.

A task's `cli.py` needs little else, and stays light: click, the standard library, this module,
`verbs`, `console` and `errors`. Heavy modules are imported inside the callbacks.

    from cnnrnn import options

    @click.group(cls=options.ExampleGroup, examples=["cnnrnn caption predict photo.jpg"])
    def caption(): ...

    @caption.command(examples=[("cnnrnn caption predict scenes:3", "a scene of the built-in data")])
    @options.sources_argument
    @options.run_option
    @options.output_options
    @options.device_options
    def predict(sources, run, json, output, device, threads):
        from cnnrnn.caption import predict
        ...

Each block is one decorator that applies a list of options; its docstring names the arguments that
the callback receives. `-q`, `--debug` and `--help` come with the command class, and so does the
guard that turns every failure into one line. A callback returns its exit code, or None for 0.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cnnrnn import console
from cnnrnn.errors import UsageError

RUNS = "runs"  # the folder of all runs, in the folder where the command is called
FORMATS = ("auto", "flickr8k", "coco", "karpathy", "jsonl", "csv")
_UNTYPED = click.core.ParameterSource.DEFAULT
HELP = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}

Example = str | tuple[str, str]  # a command line, or a command line and what it does


class _Examples(click.Command):
    """A command whose help shows its examples first and whose failures are one line each.

    Args:
        examples: command lines, each alone or with a remark on what it does.
    """

    def __init__(self, *args: Any, examples: Iterable[Example] = (), **kwargs: Any):
        kwargs["context_settings"] = HELP | (kwargs.get("context_settings") or {})
        super().__init__(*args, **kwargs)
        self.examples = [(each, "") if isinstance(each, str) else each for each in examples]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the description."""
        if self.examples:
            with formatter.section("Examples"):
                for line, remark in self.examples:
                    prefix = " " * formatter.current_indent
                    formatter.write(f"{prefix}# {remark}\n" if remark else "")
                    formatter.write(f"{prefix}{line}\n")
        super().format_help_text(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the callback under `console.guard`."""
        return console.guard(super().invoke)(ctx)

    def main(self, *args: Any, standalone_mode: bool = True, **kwargs: Any) -> Any:
        """Run as a program: exit with the callback's code; a usage error is one line, code 2."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **kwargs)
        try:
            code = super().main(*args, standalone_mode=False, **kwargs)
        except click.exceptions.NoArgsIsHelpError as exc:
            exc.show()
            sys.exit(exc.exit_code)
        except click.UsageError as exc:
            console.error(_usage_line(exc))
            sys.exit(exc.exit_code)
        except click.ClickException as exc:
            console.error(exc.format_message())
            sys.exit(exc.exit_code)
        except click.Abort:
            console.error("stopped")
            sys.exit(console.INTERRUPTED)
        sys.exit(code if isinstance(code, int) else 0)


class ExampleCommand(_Examples):
    """A command with examples, `-q` and `--debug`."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.params += [_quiet_option(), _debug_option()]


class ExampleGroup(_Examples, click.Group):
    """A group with examples; its commands are `ExampleCommand`s, and a typo gets "did you mean".

    Args:
        lazy: subcommands that are imported when they are first needed, as name -> `module:object`.
    """

    command_class = ExampleCommand

    def __init__(self, *args: Any, lazy: Mapping[str, str] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were added, the lazy ones first."""
        return [*self.lazy, *self.commands]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Find a command and import it if it is a lazy one."""
        if name in self.lazy:
            module, attribute = self.lazy[name].split(":")
            return getattr(importlib.import_module(module), attribute)
        return super().get_command(ctx, name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple:
        """Find the command that was typed, or say which one was meant."""
        name, names = args[0], self.list_commands(ctx)
        if name.startswith("-") or name in names:
            return super().resolve_command(ctx, args)
        hint = _did_you_mean(name, names) or f"Commands: {', '.join(names)}"
        raise click.UsageError(f"No such command {name!r}. {hint}", ctx)


def _usage_line(exc: click.UsageError) -> str:
    """A usage error in one line, with the command whose help says more."""
    line = exc.format_message()
    if isinstance(exc, click.NoSuchOption):  # worded differently by every release of click
        hint = _did_you_mean(exc.option_name, exc.possibilities or ())
        line = f"No such option {exc.option_name!r}. {hint}".rstrip()
    return f"{line.rstrip('.')} (see {exc.ctx.command_path} --help)" if exc.ctx else line


def _did_you_mean(typed: str, names: Iterable[str]) -> str:
    """A hint at the name that was meant, "" where none is near."""
    near = difflib.get_close_matches(typed, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


def _quiet_option() -> click.Option:
    return click.Option(
        ["-q", "--quiet"], is_flag=True, expose_value=False,
        help="No progress, no remarks; warnings stay.",
        callback=lambda _ctx, _param, value: console.set_verbosity(value),
    )


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, envvar="CNNRNN_DEBUG",
        help="Show the traceback of an error.",
        callback=lambda _ctx, _param, value: console.set_debug(value),
    )


def block(*decorators: Callable) -> Callable:
    """One decorator that applies several, so that `--help` lists them in the order given."""

    def apply(function: Callable) -> Callable:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


POSITIVE = click.IntRange(min=1)
PATH = click.Path(path_type=Path)


def paths(listed: str) -> list[Path]:
    """The paths that an option lists, parted by commas.

    Raises:
        UsageError: not one.
    """
    found = [Path(each.strip()) for each in listed.split(",") if each.strip()]
    if not found:
        raise UsageError(f"{listed!r} names nothing", "folders, parted by commas")
    return found


sources_argument = click.argument("sources", nargs=-1, required=True, type=click.Path())
"""`sources`: a tuple of texts for `media.sources.expand`; at least one."""

limit_option = click.option(
    "--limit", type=POSITIVE, metavar="N", help="Take only the first N pictures."
)
"""`limit`: int or None."""

run_option = click.option(
    "--run", type=PATH, metavar="DIR",
    help="The run to use. Default: the newest one that fits, else the shipped starter model.",
)
"""`run`: Path or None, for commands that use a trained model."""

name_option = click.option(
    "--name", metavar="NAME", help=f"Name of the new run in {RUNS}/. Default: counted on."
)
"""`name`: text or None, for `train`."""

resume_options = block(
    click.option("--resume", type=PATH, metavar="RUN", help="Go on with this run."),
    click.option("--config", type=PATH, metavar="FILE", help="Take the options of a run."),
    click.option("--dry-run", is_flag=True, help="Check the data, estimate time and disk, stop."),
)
"""`resume`, `config`: Path or None; `dry_run`: bool, for `train`."""

seed_options = block(
    click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of all randomness."),
    click.option(
        "--deterministic", is_flag=True, help="Same seed, same numbers to the last bit; slower."
    ),
)
"""`seed`: int; `deterministic`: bool."""

tensorboard_option = click.option(
    "--tensorboard", is_flag=True, help="Write the log for TensorBoard too, into the run's events/."
)
"""`tensorboard`: bool, for `train`."""

device_options = block(
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto",
        help="Where to compute; auto takes a GPU where there is one.",
    ),
    click.option("--threads", type=POSITIVE, metavar="N", help="CPU threads. Default: all."),
)
"""`device`: text; `threads`: int or None. Hand both to `backend.configure`."""

json_option = click.option("--json", is_flag=True, help="One JSON object a line on stdout.")
"""`json`: bool."""

output_options = block(
    json_option,
    click.option(
        "-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
        help="Also write annotated pictures into this folder.",
    ),
)
"""`json`: bool; `output`: Path of a folder or None."""

backbone_options = block(
    click.option(
        "--backbone", metavar="NAME",
        help="The network that sees: scenes, mobilenet_v2, resnet50, vgg16 ... "
        "Default: scenes for the built-in data, mobilenet_v2 for photos.",
    ),
    click.option(
        "--weights", metavar="auto|imagenet|random|FILE", default="auto",
        help="Its weights; auto: the shipped ones for scenes, else imagenet.",
    ),
    click.option("--image-size", type=POSITIVE, metavar="PX", help="Side of its input."),
)
"""`backbone`: text or None; `weights`: text; `image_size`: int or None."""

features_option = click.option(
    "--features", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Take precomputed features (.h5 or .npz with names and features) instead.",
)
"""`features`: Path or None. For `train` and `evaluate`, beside `backbone_options`."""


def data_options(formats: Sequence[str] = FORMATS, default: str | None = "scenes") -> Callable:
    """Where the pairs come from. `data`: text, None for the run's own; `format`; `limit`."""
    return block(
        click.option(
            # Eager: known when the layout is looked at.
            "--data", default=default, metavar="DIR|FILE|scenes", is_eager=True,
            help="Pictures and words; scenes is the built-in world."
            + ("" if default else " Default: the run's own."),
        ),
        click.option(
            "--format", type=click.Choice(formats), default=formats[0], callback=_of_data,
            help="Layout of --data; auto finds it.",
        ),
        limit_option,
    )


def _of_data(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The layout, which would say nothing without data of one's own."""
    if ctx.params["data"] is None and ctx.get_parameter_source(param.name) is not _UNTYPED:
        raise UsageError("--format is the layout of --data", "give the data too")
    return value


def model_option(models: Sequence[str], default: str | None = None) -> Callable:
    """Which model of the task's registry. `model`: one of `models`; the first is the default."""
    return click.option(
        "--model", type=click.Choice(models), default=default or models[0], help="The model."
    )
