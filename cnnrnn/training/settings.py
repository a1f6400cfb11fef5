"""What the settings of every task's training have in common: their checks, and config.json.

Settings are a frozen dataclass whose fields are what a person may choose; None stands for what
is chosen where nobody did.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from cnnrnn.errors import UsageError

SCHEDULES = ("cosine", "plateau", "fixed")
UNCHOSEN = "steps"  # the figure where nothing is kept aside: the last epoch is the best


def check_choices(settings: Any, choices: Mapping[str, Sequence[str | None]]) -> None:
    """Each of these fields is one of its words (None, where that is one of them).

    Raises:
        UsageError: another word.
    """
    for name, known in choices.items():
        value = getattr(settings, name)
        if value not in known:
            raise UsageError(f"no {name} {value!r}", f"one of {', '.join(filter(None, known))}")


def check_shares(settings: Any, *names: str) -> None:
    """Each of these fields is None or a share, 0 to below 1.

    Raises:
        UsageError: another number.
    """
    for name in names:
        value = getattr(settings, name)
        if value is not None and not 0 <= value < 1:
            raise UsageError(f"{name} is {value}", "0 to below 1")


def check_counts(settings: Any, *names: str) -> None:
    """Each of these fields is None or a count, at least 1.

    Raises:
        UsageError: another number.
    """
    for name in names:
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}", "at least 1")


def check_fit(settings: Any) -> None:
    """The fields `schedule`, `learning_rate`, `clip_norm`, see `training.fit.FitSettings`.

    Raises:
        UsageError: one of them cannot be meant.
    """
    check_choices(settings, {"schedule": SCHEDULES})
    if settings.learning_rate is not None and not 0 < settings.learning_rate < math.inf:
        raise UsageError(f"learning_rate is {settings.learning_rate}", "e.g. 1e-3")
    if not settings.clip_norm >= 0:
        raise UsageError(f"clip_norm is {settings.clip_norm}", "0 does not clip")


def filled(settings: Any, chosen: Mapping[str, Any]) -> Any:
    """The same settings with `chosen` where they are None."""
    unset = {key: value for key, value in chosen.items() if getattr(settings, key) is None}
    return replace(settings, **unset)


def as_config(settings: Any) -> dict[str, Any]:
    """Settings in JSON types, for config.json; there `format` is that of the run folder.

    `training.chosen.fields_of` reads them back.
    """
    config = asdict(settings)
    return {"data": config.pop("data"), "data_format": config.pop("format"), **config}
