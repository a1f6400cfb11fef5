"""From what was typed, or stands in a config.json, to the settings of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
from click.core import ParameterSource

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.origin import read_config
from cnnrnn.training.run import Run


def typed(ctx: click.Context) -> dict[str, Any]:
    """The options that a person has typed, by parameter name."""
    return {
        key: value
        for key, value in ctx.params.items()
        if ctx.get_parameter_source(key) is not ParameterSource.DEFAULT
    }


def flag(name: str) -> str:
    """The option of a parameter."""
    return f"--{name.replace('_', '-')}"


def changes_of(ctx: click.Context, kind: type) -> dict[str, Any]:
    """The fields of a dataclass of settings that were typed, in JSON types."""
    fields = kind.__dataclass_fields__
    return {key: _plain(value) for key, value in typed(ctx).items() if key in fields}


def settings_of(
    ctx: click.Context, kind: type, task: str, resume: Path | None, config: Path | None
):
    """The settings of a file, if one is named, with the options that were typed.

    Args:
        ctx: of the command `train`.
        kind: a dataclass of settings with `from_config`.
        task: whose runs `config` may be of.
        resume: a run to go on with; then nothing else may be chosen.
        config: the config.json of a run to repeat.

    Raises:
        UsageError: an option beside `resume`, or one that cannot be meant.
        CnnRnnError: `config` cannot be read.
    """
    given = typed(ctx)
    changes = changes_of(ctx, kind)
    if resume:
        others = sorted(set(given) - {"resume", "device", "threads"})
        if others:
            raise UsageError(
                f"--resume takes the run's own options, and {flag(others[0])} is another",
                "leave it out, or start a new run with --config",
            )
    if config:
        return replace(kind.from_config(read_config(config, task)), **changes)
    return kind(**changes)


def _plain(value: Any) -> Any:
    """An option's value as a config.json holds it."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def fields_of(kind: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass that a config.json holds, checked: people edit these files.

    There the field `format` is called `data_format`: `format` is that of the run folder.

    Raises:
        CnnRnnError: a value of the wrong kind.
    """
    kinds = get_type_hints(kind)
    chosen = {key: value for key, value in config.items() if key in kinds}
    if "format" in kinds:
        chosen["format"] = config.get("data_format", "auto")
    for key, value in chosen.items():
        wanted = kinds[key]
        if float in (wanted, *get_args(wanted)):
            wanted |= int
        if not isinstance(value, wanted):
            named = getattr(wanted, "__name__", wanted)
            raise CnnRnnError(f"{key} is {value!r} in config.json", f"expected: {named}")
    return chosen


def opened_to_resume(path: Path | str, task: str) -> Run:
    """The run that a training is to go on with; nothing is written.

    Raises:
        CnnRnnError: no such run, or one that is finished and keeps no state of its training, such
            as a starter: beginning again would overwrite it.
    """
    run = Run.open(path, task)
    if (run.path / "metrics.json").exists() and not run.last.exists():
        raise CnnRnnError(
            f"run {path} is finished and keeps no state of its training to go on from",
            f"train anew with --config {path}/config.json",
        )
    return run


def check_same(
    run: Run, found: Mapping[str, Any], vocabulary: Vocabulary | None = None
) -> None:
    """A run goes on only with what it began with.

    Args:
        run: the run that is resumed.
        found: what decides the result now, by its key in config.json.
        vocabulary: the words of the data now, where the run has its own.

    Raises:
        CnnRnnError: it was something else then.
    """
    for key, value in found.items():
        if run.config.get(key) != value:
            raise CnnRnnError(
                f"the {key.replace('_', ' ')} is not the one that run {run.path} began with",
                "put the same data and weights back, or start a new run",
            )
    if vocabulary and vocabulary.words != Vocabulary.load(run.path / "vocabulary.json").words:
        raise CnnRnnError(f"the vocabulary of run {run.path} was changed", "start a new run")
