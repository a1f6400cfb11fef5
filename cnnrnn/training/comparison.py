"""What the comparisons of all tasks share: their folder, what is kept of a training, claims.

What was trained stays in `runs/compare/NAME/`, with what was judged of it in `judged.json` beside
each run. Called again, a comparison trains only what is missing; every figure is computed from
these files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.files import read_json, write_json
from cnnrnn.intervals import Figure
from cnnrnn.training.dataset import DataSet
from cnnrnn.training.outline import TrainOutcome
from cnnrnn.training.report import Report
from cnnrnn.training.results import Result
from cnnrnn.training.run import Run

SEEDS = 3
_JUDGED = "judged.json"
_TIMED = 20  # items judged one by one for the time of one


@dataclass(frozen=True)
class Claim:
    """One sentence of the course.

    held: None where nothing that was compared can tell.
    numbers: the figures that decide.
    """

    text: str
    held: bool | None
    numbers: str

    @property
    def verdict(self) -> str:
        """In words."""
        return {True: "held", False: "not held", None: "not tested"}[self.held]


def listed(figures: Mapping[str, Figure], signed: bool = False) -> str:
    """Figures by model, in a line."""
    return ", ".join(
        f"{model} {figure.signed if signed else figure}" for model, figure in figures.items()
    )


def quickened(base: Any, quick: Mapping[str, Any]) -> Any:
    """Settings with the fields of `quick` where nobody chose them."""
    return replace(base, **{k: v for k, v in quick.items() if getattr(base, k) is None})


def comparison_folder(
    root: Path, name: str, config: dict[str, Any], data: Sequence[DataSet]
) -> Path:
    """The folder of a comparison, made or found again.

    Args:
        root: the folder of all runs.
        name: of the comparison.
        config: the plan in JSON types; `base` has the options that all trainings share.
        data: what it is on.

    Raises:
        UsageError: a name that is none.
        CnnRnnError: the folder holds the comparison of something else.
    """
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise UsageError(f"{name!r} cannot be the name of a comparison", "letters and digits")
    folder = root / "compare" / name
    file = folder / "plan.json"
    config = config | {"data": [each.fingerprint() for each in data]}
    before = read_json(file) if file.exists() else config
    for key, what in (("base", "with other options"), ("data", "on data that has changed since")):
        if before.get(key, config[key]) != config[key]:
            raise CnnRnnError(f"{folder} holds a comparison {what}", "choose another --name")
    write_json(file, config)
    return folder


def chosen(
    names: Sequence[str] | None, known: Sequence[str], unit: str = "model"
) -> tuple[str, ...]:
    """What is to be compared.

    Args:
        names: as typed; None for all.
        known: what there is.
        unit: what one of them is called.

    Raises:
        UsageError: a name that is not known.
    """
    found = [name.strip() for name in names] if names else known
    for name in found:
        if name not in known:
            raise UsageError(f"no {unit} {name!r} to compare", f"one of {', '.join(known)}")
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Training:
    """One training of a comparison.

    name: of its run.
    told: what it is, for people.
    train: takes `root`, `name` and `resume` as a task's `train` does.
    judge: of the run.
    """

    name: str
    told: str
    train: Callable[..., TrainOutcome]
    judge: Callable[[Run], Any]


def trained(
    folder: Path, task: str, trainings: Sequence[Training], from_json: Callable[[Any], Result]
) -> tuple[list[Result], bool]:
    """Train what is missing, or go on, and judge it; what diverges is told and left out.

    Args:
        folder: of the comparison.
        task: whose runs these are.
        trainings: in the order of training.
        from_json: what was judged, from its JSON types.

    Returns:
        what was judged of each, and whether one diverged or an input of one trained now could not
        be used.

    Raises:
        CnnRnnError: every training diverged.
        Interrupted: Ctrl-C in a training.
    """
    from cnnrnn.training.fit import Diverged, Interrupted  # starts Keras

    failed, results = False, []
    for number, each in enumerate(trainings, 1):
        place = folder / task / each.name
        found = _kept(place, from_json)
        if found is None:
            console.info(f"[{number}/{len(trainings)}] {each.told}")
            resume = place if (place / "config.json").exists() else None
            try:
                outcome = each.train(root=folder, name=None if resume else each.name, resume=resume)
            except Diverged as error:
                console.error(f"{each.told} is left out: {error.message}")
                failed = True
                continue
            except Interrupted as error:
                raise Interrupted(error.message, "the same command again goes on there") from None
            found = each.judge(outcome.run)
            write_json(place / _JUDGED, found.as_json())
            failed |= bool(outcome.failures)
        results.append(found)
    if not results:
        raise CnnRnnError("every training diverged", "take a smaller --learning-rate in `train`")
    return results, failed


def _kept(place: Path, from_json: Callable[[Any], Result]) -> Result | None:
    """What was judged of a training that was finished before; None where there is nothing."""
    try:
        return from_json(read_json(place / _JUDGED))
    except CnnRnnError:
        return None


def milliseconds(judge: Callable[[int], Any], count: int) -> float:
    """Milliseconds that one item takes, the median of some.

    Args:
        judge: judges item number 0 to `count` - 1.
        count: of items.
    """
    spent = []
    for number in range(min(_TIMED, count) + 1):
        began = time.perf_counter()
        judge(number % count)
        spent.append(time.perf_counter() - began)
    return 1000 * float(np.median(spent[1:] or spent))


def tell_claims(claims: Sequence[Claim], json: bool) -> None:
    """Print each claim on a line, or as a JSON object."""
    for claim in claims:
        if json:
            console.json_line({"claim": claim.text, "held": claim.held, "numbers": claim.numbers})
        else:
            console.result(f"{claim.verdict:<10}  {claim.text}: {claim.numbers}")


def _tally(claims: Sequence[Claim]) -> tuple[str, str]:
    """How many of the claims that were tested are held, and how many were not tested."""
    tested = [claim for claim in claims if claim.held is not None]
    rest = len(claims) - len(tested)
    held = sum(claim.held for claim in tested)
    return f"{held} of {len(tested)}", f"{rest} not tested" if rest else ""


def begin_page(
    report: Report,
    best: tuple[str, str],
    figure: tuple[str, Figure],
    claims: Sequence[Claim],
    quick: bool,
    unit: str,
) -> None:
    """The head of a comparison's page, and its claims.

    Args:
        report: the page.
        best: the best model, and the data it is best on.
        figure: what its figure is called, and the figure.
        quick: whether less was trained.
        unit: what an item is called, in the plural.
    """
    name, value = figure
    report.headline(
        [
            ("best model", best[0], f"on {best[1]}"),
            (name, value.value, f"{value.low:.3f} to {value.high:.3f}"),
            ("claims held", *_tally(claims)),
        ]
    )
    if quick:
        report.warning("A quick comparison: one seed, less data, fewer epochs.")
    report.table(
        "Claims of the course",
        ["claim", "verdict", "numbers"],
        [[claim.text, claim.verdict, claim.numbers] for claim in claims],
        note=f"Intervals: 95 % bootstrap over seeds and {unit}.",
    )


def close(folder: Path, trainings: int, claims: Sequence[Claim]) -> None:
    """The closing lines."""
    held, rest = _tally(claims)
    console.closing(
        ("compare", f"{trainings} trainings, {held} claims held" + f", {rest}" * bool(rest)),
        ("saved", f"{folder}/"),
        ("report", folder / "report.html"),
    )
