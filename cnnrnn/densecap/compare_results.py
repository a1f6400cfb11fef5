"""What a comparison keeps of each training, and the figures over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from cnnrnn.densecap.telling import Telling
from cnnrnn.errors import CnnRnnError
from cnnrnn.intervals import Figure, over_seeds
from cnnrnn.training.results import Results, reading

REGIONS, WHOLE = "regions", "whole picture"  # ways to tell a picture
DATA = "the data itself"  # the phrases and sentences that are known of the pictures
FACTS = ("told", "true", "words")  # what `Told` has for each picture
AMONG = 200  # pictures in which one is looked for


@dataclass
class Told:
    """One way to tell the N test pictures.

    scores: see `evaluate.Evaluation`; {} where nothing was placed.
    drawn: the same `map`, `detmap` and `ap50` of sets of pictures drawn with replacement, see
        `regions.metrics.RegionScores.resamplings`.
    told, true, words, groups: see `telling.Telling`.
    """

    scores: dict[str, float] = field(default_factory=dict)
    drawn: dict[str, list[float]] = field(default_factory=dict)
    told: list[float] = field(default_factory=list)
    true: list[float] = field(default_factory=list)
    words: list[float] = field(default_factory=list)
    groups: dict[str, list[int]] = field(default_factory=dict)

    def add(self, telling: Telling) -> None:
        """Take over what was told."""
        for key in FACTS:
            setattr(self, key, [_plain(value) for value in getattr(telling, key)])
        self.groups = {group: list(counts) for group, counts in telling.groups.items()}


@dataclass
class Sought:
    """A phrase looked for in the test pictures.

    unseen: whether no training picture showed it. shows: (N,), which pictures do. scores: (N,), of
    its best place in each, in nats.
    """

    unseen: bool
    shows: list[bool]
    scores: list[float]

    def ranks(self) -> tuple[list[int], list[float]]:
        """The place of the best picture that shows it among each AMONG pictures that hold one, 1
        for the first, and the mean place of one that is drawn by lot."""
        shows, scores = np.array(self.shows), np.array(self.scores)
        size = min(AMONG, len(shows))
        found, chance = [], []
        for first in range(0, len(shows) - size + 1, size):
            part = slice(first, first + size)
            right, others = scores[part][shows[part]], scores[part][~shows[part]]
            if len(right):
                found.append(1 + int((others > right.max()).sum()))
                chance.append((len(others) + len(right) + 1) / (len(right) + 1))
        return found, chance


@dataclass
class Result:
    """What one training makes of the test pictures.

    ids: of the N pictures. language: name of the language score. ways: see `Told`. sought: by
    phrase. samples: some pictures to be shown: `id`, `boxes`, `phrases`, and `sentence` for the
    whole. milliseconds: for one picture, found and told. parameters: of the model.
    """

    model: str
    seed: int
    ids: list[str]
    language: str = ""
    ways: dict[str, Told] = field(default_factory=dict)
    sought: dict[str, Sought] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    milliseconds: float | None = None
    parameters: int = 0

    def as_json(self) -> dict[str, Any]:
        """In JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> Result:
        """What `as_json` gave.

        Raises:
            CnnRnnError: something else.
        """
        with reading("judged regions"):
            found = cls(**content)
            found.ways = {way: Told(**each) for way, each in found.ways.items()}
            found.sought = {phrase: Sought(**each) for phrase, each in found.sought.items()}
            rows = [getattr(each, key) for each in found.ways.values() for key in FACTS]
            rows += [row for each in found.sought.values() for row in (each.shows, each.scores)]
            if any(len(row) not in (0, len(found.ids)) for row in rows):
                raise ValueError("not a value a picture")
        return found


class Table(Results[Result]):
    """All results on one data set.

    Args:
        data: its name.
        results: of every model and seed, on the same test pictures.

    Raises:
        CnnRnnError: results of different pictures, or by different language scores.
    """

    def __init__(self, data: str, results: Sequence[Result]):
        super().__init__(data, results)
        names = {each.language for each in results} - {""}
        if len(names) > 1:
            raise CnnRnnError(
                f"the trainings on {data} were judged by {' and by '.join(sorted(names))}",
                "remove the files judged.json of the comparison's runs: they are judged anew",
            )
        self.language = names.pop() if names else ""

    @property
    def map_key(self) -> str:
        """What mean average precision is called: where it is not METEOR's, that is in it."""
        return "map" if self.language == "METEOR" else f"map_{self.language}"

    def has(self, model: str, way: str, key: str) -> bool:
        """Whether a model has this figure of a way to tell pictures."""
        ways = [run.ways.get(way) for run in self.by_model.get(model, ())]
        return bool(ways) and all(each and (key in each.drawn or getattr(each, key, None))
                                  for each in ways)  # fmt: skip

    def precision(self, model: str, key: str, way: str = REGIONS) -> Figure:
        """Mean average precision (`map`, `detmap`, `ap50`), over seeds and pictures."""
        return _drawn(self._scores(model, way, key), self._sets(model, way, key))

    def precision_gain(
        self, first: tuple[str, str], second: tuple[str, str], key: str
    ) -> Figure:
        """How much higher it is of one (model, way) than of another, on the same pictures."""
        one, other = (self._scores(*each, key) for each in (first, second))
        sets = [self._sets(*each, key) for each in (first, second)]
        seeds = min(len(one), len(other))
        return _drawn(one[:seeds] - other[:seeds], sets[0][:seeds] - sets[1][:seeds])

    def share(self, model: str, key: str, way: str = REGIONS) -> Figure:
        """`told`, `true` or `words` a picture, over seeds and pictures."""
        return over_seeds(_without_gaps(self._facts(model, way, key)))

    def share_gain(self, model: str, key: str) -> Figure:
        """How much more the regions of a picture tell than one sentence for the whole."""
        apart = self._facts(model, REGIONS, key) - self._facts(model, WHOLE, key)
        return over_seeds(_without_gaps(apart))

    def groups(self, model: str, way: str) -> dict[str, float]:
        """Share of the facts of each group that is told, over seeds."""
        found = [run.ways[way].groups for run in self.by_model[model] if way in run.ways]
        return {
            group: sum(each[group][1] for each in found) / max(1, sum(e[group][0] for e in found))
            for group in (found[0] if found else ())
        }

    def phrases(self, unseen: bool | None = None) -> list[str]:
        """The phrases that were looked for."""
        found = [
            phrase for runs in self.by_model.values() for run in runs
            for phrase, each in run.sought.items() if unseen in (None, each.unseen)
        ]  # fmt: skip
        return list(dict.fromkeys(found))

    def ranks(self, model: str, phrases: Sequence[str]) -> tuple[np.ndarray, float]:
        """Places of phrases, of all seeds and sets of pictures, and the mean place by lot."""
        found, chance = [], []
        for run in self.by_model[model]:
            for phrase in phrases:
                if phrase in run.sought:
                    places, by_lot = run.sought[phrase].ranks()
                    found += places
                    chance += by_lot
        return np.array(found), float(np.mean(chance)) if chance else np.nan

    def row(self, model: str) -> dict[str, Any]:
        """The figures of one model."""
        runs = self.by_model[model]
        found: dict[str, Any] = {"model": model}
        for key in ("map", "detmap", "ap50"):
            if self.has(model, REGIONS, key):
                name = self.map_key if key == "map" else key
                found[name] = self.precision(model, key)
        if self.has(model, WHOLE, "map"):
            found[f"{self.map_key}, {WHOLE}"] = self.precision(model, "map", WHOLE)
        times = [run.milliseconds for run in runs if run.milliseconds is not None]
        found["ms"] = float(np.median(times)) if times else None
        found["parameters"] = runs[0].parameters or None
        return found | {"seeds": len(runs)}

    def telling_rows(self) -> list[dict[str, Any]]:
        """What each way of each model tells."""
        found = []
        for model, runs in self.by_model.items():
            for way in runs[0].ways:
                if self.has(model, way, "told"):
                    shares = {key: self.share(model, key, way) for key in FACTS}
                    found.append({"model": model, "way": way, **shares, **self.groups(model, way)})
        return found

    def _scores(self, model: str, way: str, key: str) -> np.ndarray:
        """(S,)."""
        return np.array([run.ways[way].scores[key] for run in self.by_model[model]])

    def _sets(self, model: str, way: str, key: str) -> np.ndarray:
        """(S, resamplings)."""
        return np.array([run.ways[way].drawn[key] for run in self.by_model[model]])

    def _facts(self, model: str, way: str, key: str) -> np.ndarray:
        """(S, N)."""
        rows = [getattr(run.ways[way], key) for run in self.by_model[model]]
        return np.array(rows, np.float64)  # None becomes NaN


def _drawn(values: np.ndarray, sets: np.ndarray, seed: int = 0) -> Figure:
    """The mean of values (S seeds,) with the interval of their sets (S, resamplings): of each set
    of pictures, seeds are drawn with replacement too."""
    generator = np.random.default_rng(seed)
    rows = generator.integers(len(sets), size=sets.shape)
    means = np.take_along_axis(sets, rows, axis=0).mean(axis=0)
    low, high = np.quantile(means, [0.025, 0.975])
    return Figure(float(values.mean()), float(low), float(high))


def _without_gaps(values: np.ndarray) -> np.ndarray:
    """(S, N) without the pictures of which a seed has no value."""
    return values[:, ~np.isnan(values).any(axis=0)]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
