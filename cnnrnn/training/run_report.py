"""The parts that the report page of every task's run has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnrnn import console
from cnnrnn.training.card import CARD
from cnnrnn.training.report import Report
from cnnrnn.training.run import Run

# title -> (unit, {name of the line: column of log.csv})
Curves = Mapping[str, tuple[str, Mapping[str, str]]]


def opened(run: Run, title: str, figures: Sequence[tuple[str, object, str]]) -> Report:
    """A report with its title and headline: the task's own figures, the best epoch, the time."""
    outcome, log = run.read_json("metrics.json"), run.log()
    report = Report(
        f"{title}: {run.name}", f"{run.config['model']} on {run.config['data']}, {len(log)} epochs"
    )
    spent = console.duration(sum(row["seconds"] for row in log))
    report.headline(
        [
            *figures,
            ("best epoch", outcome["epoch"], f"chosen by {outcome['metric']}"),
            ("training", spent, "all epochs"),
        ]
    )
    return report


def add_curves(report: Report, run: Run, curves: Curves) -> None:
    """The section `Training`: how the log's figures went."""
    best, log = run.read_json("metrics.json")["epoch"], run.log()
    report.heading("Training")
    for title, (unit, series) in curves.items():
        points = {
            name: [(row["epoch"], row[key]) for row in log if row.get(key) is not None]
            for name, key in series.items()
        }
        report.curves(title, points, unit, best=best)


def close(report: Report, run: Run, shown: Sequence[str]) -> None:
    """Add settings (those of `shown` that the run has), versions and the way to the model card;
    write `report.html`."""
    config = run.config
    report.settings("Settings", {key: config[key] for key in shown if config.get(key) is not None})
    report.settings("Versions", config["versions"])
    report.link("What the model learned from, and what it cannot do:", CARD)
    report.write(run.path / "report.html")


def range_text(interval: tuple[float, float]) -> str:
    """The bounds of an interval, as a note."""
    low, high = interval
    return f"{low:.3f} to {high:.3f}"
