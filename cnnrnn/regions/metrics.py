"""How good regions are: average precision of boxes, and DenseCap's of boxes with phrases.

A prediction is right where its box overlaps the truth (IoU at least t) *and* its phrase is like
the truth's (language score above s); the mean over

    t in {0.3, 0.4, 0.5, 0.6, 0.7}  and  s in {0, 0.05, 0.1, 0.15, 0.2, 0.25}

is `map`, and without the condition on phrases `detmap` (Johnson et al. 2016, "DenseCap", sec. 4.2).
The language score is METEOR. Truths of a picture that overlap by 0.7 or more are merged: one box,
their mean, with all their phrases as references. Predictions are taken best first; each is
compared with the truth it overlaps most, and only the first one of a truth can be right.

Format of boxes: (x1, y1, x2, y2) in pixels, see `regions.boxes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.intervals import RESAMPLINGS
from cnnrnn.regions.boxes import iou, merge
from cnnrnn.text import meteor, ptb, stem_match

OVERLAPS = (0.3, 0.4, 0.5, 0.6, 0.7)
LANGUAGE = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25)
MERGED = 0.7
RECALLS = np.arange(100) / 100  # as the reference program steps: its last step misses 1.0


@dataclass(frozen=True)
class Found:
    """What was found in one picture, and what is there.

    boxes: (N, 4); scores: (N,), higher is surer; phrases: N texts, empty where boxes are all.
    truths: (M, 4); texts: M texts.
    """

    boxes: np.ndarray
    scores: np.ndarray
    phrases: Sequence[str]
    truths: np.ndarray
    texts: Sequence[str]


@dataclass(frozen=True)
class Ranked:
    """All N predictions of P pictures, surest first.

    picture: (N,), number of the picture. overlap: (N,), IoU with the truth it overlaps most.
    first: (N,) bool, whether no surer one overlaps that truth most. language: (N,).
    truths: (P,), merged truths of each picture.
    """

    picture: np.ndarray
    overlap: np.ndarray
    first: np.ndarray
    language: np.ndarray
    truths: np.ndarray

    def right(self, overlap: float, language: float | None = None) -> np.ndarray:
        """Which predictions are right at thresholds, (N,) bool."""
        right = self.first & (self.overlap >= overlap)
        return right if language is None else right & (self.language > language)

    def resampled(self, copies: np.ndarray) -> dict[str, float]:
        """`map`, `detmap` and `ap50` where each picture is there so many times, (P,).

        Only at a right prediction can precision be the highest at a recall or more, so the others
        are only counted; copies of a picture stand side by side, and the last one has the highest.
        """
        weights = copies[self.picture]
        seen, count = np.cumsum(weights), int((copies * self.truths).sum())
        found = {
            key: _weighted_precision(weights[place], seen[place], count)
            for key, place in self._hits.items()
        }
        det = {t: found[t, None] for t in OVERLAPS}
        both = [found[t, s] for t in OVERLAPS for s in LANGUAGE]
        return {
            "map": float(np.mean(both)), "detmap": float(np.mean([*det.values()])),
            "ap50": det[0.5],
        }  # fmt: skip

    @cached_property
    def _hits(self) -> dict[tuple[float, float | None], np.ndarray]:
        """Places of the right predictions by both thresholds."""
        return {
            (t, s): np.flatnonzero(self.right(t, s)) for t in OVERLAPS for s in (None, *LANGUAGE)
        }


def _weighted_precision(weights: np.ndarray, seen: np.ndarray, truths: int) -> float:
    """`average_precision` of right predictions (M,) that count several times.

    Args:
        weights: how many times. seen: predictions up to each, itself included. truths: how many
            could be found.
    """
    there = weights > 0
    if not truths or not there.any():
        return 0.0
    hits = np.cumsum(weights[there])
    best = np.maximum.accumulate((hits / seen[there])[::-1])[::-1]
    place = np.searchsorted(hits / truths, RECALLS, side="left")
    return float(np.where(place < len(best), best[np.minimum(place, len(best) - 1)], 0.0).mean())


@dataclass(frozen=True)
class RegionScores:
    """Figures of a set of pictures.

    language: name of the language score, `METEOR` or `StemMatch`.
    ap: average precision by (t, s), the 30 whose mean is `map`.
    det: average precision by t, the 5 whose mean is `detmap`.
    phrase: mean language score of the phrases whose box lies on a truth (IoU at least 0.5).
    truths, predictions: how many, truths after merging.
    missing: why the language score is not METEOR, or empty.
    ranked: what they were computed from.
    """

    language: str
    ap: dict[tuple[float, float], float] = field(repr=False)
    det: dict[float, float] = field(repr=False)
    phrase: float
    truths: int
    predictions: int
    missing: str = ""
    ranked: Ranked | None = field(default=None, repr=False)

    @property
    def map(self) -> float:
        """Mean average precision of boxes with phrases."""
        return float(np.mean(list(self.ap.values())))

    @property
    def detmap(self) -> float:
        """Mean average precision of boxes alone."""
        return float(np.mean(list(self.det.values())))

    @property
    def map_key(self) -> str:
        """The name of `map` in results; where the language score is not METEOR, it is in it."""
        return "map" if self.language == "METEOR" else f"map_{self.language}"

    def resamplings(self, seed: int = 0) -> dict[str, np.ndarray]:
        """`map`, `detmap` and `ap50` of sets of pictures drawn with replacement, (resamplings,).

        The same number of pictures and the same seed draw the same sets: figures of two programs
        on the same pictures can be paired.
        """
        generator, pictures = np.random.default_rng(seed), len(self.ranked.truths)
        rows = []
        for _ in range(RESAMPLINGS):
            drawn = generator.integers(pictures, size=pictures)
            rows.append(self.ranked.resampled(np.bincount(drawn, minlength=pictures)))
        return {key: np.array([row[key] for row in rows]) for key in rows[0]}

    def intervals(self, seed: int = 0) -> dict[str, tuple[float, float]]:
        """95 % bootstrap bounds over pictures, under the names of `figures`."""
        bounds = {
            key: tuple(map(float, np.quantile(values, [0.025, 0.975])))
            for key, values in self.resamplings(seed).items()
        }
        return {self.map_key: bounds.pop("map"), **bounds}

    def figures(self) -> dict[str, float]:
        """Under the reference program's names; where METEOR is not, the substitute's is in them."""
        return {
            self.map_key: self.map,
            "detmap": self.detmap,
            **{f"ap{round(100 * at)}": value for at, value in self.det.items()},
            self.language: self.phrase,
        }


def average_precision(right: np.ndarray, truths: int) -> float:
    """Interpolated average precision of predictions in falling order of their scores.

        AP = mean over r in {0, 0.01, ..., 0.99} of the highest precision at recall r or more

    Args:
        right: (N,) bool.
        truths: how many could be found.
    """
    if not truths or not len(right):
        return 0.0
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # at this recall or more
    place = np.searchsorted(hits / truths, RECALLS, side="left")
    return float(np.where(place < len(best), best[np.minimum(place, len(best) - 1)], 0.0).mean())


def box_precision(
    found: Sequence[Found], overlap: float = 0.5, sides: tuple[float, float] = (0.0, np.inf)
) -> float:
    """Average precision of boxes at one IoU, of truths of some size only, nothing merged.

    Args:
        found: the pictures.
        overlap: IoU from which a box is right.
        sides: lower (included) and upper (excluded) bound of a truth's shorter side in pixels;
            boxes on other truths, and boxes of other sizes on none, count for nothing.
    """
    rows: list[tuple[float, bool]] = []
    count = 0
    for each in found:
        truths, boxes = _boxes(each.truths), _boxes(each.boxes)
        wanted = _within(truths, sides)
        count += int(wanted.sum())
        table = iou(boxes, truths)
        free = np.ones(len(truths), bool)
        for number in np.argsort(-np.asarray(each.scores, float), kind="stable"):
            row = np.where(free, table[number], -1.0)
            best = int(np.argmax(row)) if len(truths) else -1
            if best >= 0 and row[best] >= overlap:
                free[best] = False
                if wanted[best]:
                    rows.append((each.scores[number], True))
            elif _within(boxes[number : number + 1], sides)[0]:
                rows.append((each.scores[number], False))
    rows.sort(key=lambda row: -row[0])
    return average_precision(np.array([right for _, right in rows], bool), count)


def _within(boxes: np.ndarray, sides: tuple[float, float]) -> np.ndarray:
    shorter = (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
    return (shorter >= sides[0]) & (shorter < sides[1])


def region_scores(found: Sequence[Found], java: bool = True) -> RegionScores:
    """DenseCap's figures.

    Args:
        found: the pictures.
        java: take METEOR where Java is; else, and where it is not, `StemMatch`.

    Raises:
        CnnRnnError: there is not one truth.
    """
    scores, picture, overlap, first, references, said = [], [], [], [], [], []
    counts = []
    for place, each in enumerate(found):
        boxes, texts = _merged(each)
        counts.append(len(boxes))
        places = np.argsort(-np.asarray(each.scores, float), kind="stable")
        table = iou(_boxes(each.boxes), boxes)
        used: set[int] = set()
        for number in places:
            best = int(np.argmax(table[number])) if len(boxes) else -1
            touches = best >= 0 and table[number, best] > 0
            scores.append(float(each.scores[number]))
            picture.append(place)
            overlap.append(float(table[number, best]) if touches else 0.0)
            first.append(touches and best not in used)
            references.append(texts[best] if touches else [])
            said.append(each.phrases[number] if len(each.phrases) else "")
            if touches:
                used.add(best)
    count = sum(counts)
    if not count:
        raise CnnRnnError("there is nothing to score: no regions in the data")
    name, language, missing = language_scores(references, said, java)
    order = np.argsort(-np.array(scores), kind="stable")
    ranked = Ranked(
        np.array(picture, int)[order], np.array(overlap)[order], np.array(first, bool)[order],
        language[order], np.array(counts),
    )  # fmt: skip
    det = {t: average_precision(ranked.right(t), count) for t in OVERLAPS}
    ap = {
        (t, s): average_precision(ranked.right(t, s), count) for t in OVERLAPS for s in LANGUAGE
    }
    placed = ranked.overlap >= 0.5
    phrase = float(ranked.language[placed].mean()) if placed.any() else 0.0
    return RegionScores(name, ap, det, phrase, count, len(scores), missing, ranked)


def _merged(found: Found) -> tuple[np.ndarray, list[list[str]]]:
    """Mean boxes (G, 4) of the groups of truths, and the phrases of each group."""
    truths = _boxes(found.truths)
    groups = merge(truths, MERGED)
    boxes = [truths[group].mean(axis=0) for group in groups]
    texts = [[found.texts[number] for number in group] for group in groups]
    return _boxes(boxes), texts


def _boxes(boxes) -> np.ndarray:
    return np.asarray(boxes, np.float64).reshape(-1, 4)


def language_scores(
    references: Sequence[Sequence[str]], said: Sequence[str], java: bool = True
) -> tuple[str, np.ndarray, str]:
    """How like their references phrases are, by METEOR where Java is, else by `StemMatch`.

    A phrase without references has 0; equal pairs are scored once.

    Args:
        references: for each of N phrases, texts.
        said: N phrases.
        java: take METEOR where Java is.

    Returns:
        name of the score, its values (N,), and why it is not METEOR.
    """
    split: dict[str, str] = {}

    def tokens(text: str) -> str:
        if text not in split:
            split[text] = " ".join(ptb.tokenize(text))
        return split[text]

    pairs: dict[tuple, int] = {}
    place = [
        pairs.setdefault((tuple(map(tokens, texts)), tokens(text)), len(pairs)) if texts else -1
        for texts, text in zip(references, said, strict=True)
    ]
    asked, answers = [texts for texts, _ in pairs], [text for _, text in pairs]
    name, values, missing = "METEOR", None, "was not asked for"
    if java:
        try:
            values = meteor.scores(meteor.shared().counts(asked, answers))
        except CnnRnnError as error:
            missing = str(error)
    if values is None:
        name, values = stem_match.KEY, stem_match.scores(asked, answers)
    else:
        missing = ""
    values = np.append(values, 0.0)  # the place -1
    return name, values[place], missing
