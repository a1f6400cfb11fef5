"""How alike captions are to what people wrote: BLEU, METEOR, ROUGE-L and CIDEr.

The numbers are those of `pycocoevalcap`, under its names: `Bleu_1` to `Bleu_4` (Papineni et al.
2002), `METEOR` (Denkowski and Lavie 2014), `ROUGE_L` (Lin 2004) and `CIDEr` (Vedantam et al. 2015;
the variant CIDEr-D). All but METEOR work without Java: see `text.ptb` for the tokens. Where it
cannot run, `StemMatch` stands in under its own name: see `text.stem_match`.

BLEU and METEOR are figures of the whole set, computed from summed counts; they are not the mean
of the scores of single captions. ROUGE-L and CIDEr are means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.intervals import Difference, bootstrap
from cnnrnn.text import meteor as meteor_program
from cnnrnn.text import ptb, stem_match
from cnnrnn.text.tokenizer import Tokenizer

BLEU_KEYS = ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4")
KEYS = (*BLEU_KEYS, "METEOR", stem_match.KEY, "ROUGE_L", "CIDEr")

_TINY, _SMALL = 1e-15, 1e-9  # pycocoevalcap's guards against 0 / 0; they show in the 9th digit


def heading(key: str) -> str:
    """What the column of a score is called: one that stands in for another says so."""
    return f"{key} (METEOR needs Java)" if key == stem_match.KEY else key


@dataclass(frozen=True)
class Scores:
    """Scores of N captions.

    ids: the N items, in the order of every array here.
    overall: score of the whole set by name, in the order of `KEYS`: 0 to 1, CIDEr 0 to 10.
    each: float64 (N,) by name, the scores of the single captions.
    missing: names of scores that could not be had, with the reason.
    counts: what the figures of the whole set are summed from: `Bleu` (N, 10), `METEOR` (N, 23).
    """

    ids: tuple[str, ...]
    overall: dict[str, float]
    each: dict[str, np.ndarray]
    missing: dict[str, str]
    counts: dict[str, np.ndarray] = field(repr=False)

    def of(self, key: str, items: np.ndarray) -> float:
        """The overall score `key` of a set drawn from the items: integers (M,), repeats allowed.

        CIDEr keeps its document frequencies, those of all N items.
        """
        if key in BLEU_KEYS:
            return _bleu(self.counts["Bleu"][items].sum(axis=0), BLEU_KEYS.index(key) + 1)
        if key == "METEOR":
            return meteor_program.corpus(self.counts["METEOR"][items])
        return float(self.each[key][items].mean())

    def interval(self, key: str, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
        """Bounds of the overall score `key`, by resampling the items with replacement."""
        return bootstrap(lambda items: self.of(key, items), len(self.ids), seed, level)

    def difference(self, other: Scores, key: str, seed: int = 0, level: float = 0.95) -> Difference:
        """How much better the score `key` is than that of `other` (paired bootstrap).

        Raises:
            CnnRnnError: the two are of different items.
        """
        if self.ids != other.ids:
            raise CnnRnnError("scores of different pictures cannot be paired")

        def apart(items: np.ndarray) -> float:
            return self.of(key, items) - other.of(key, items)

        value = self.overall[key] - other.overall[key]
        return Difference(value, *bootstrap(apart, len(self.ids), seed, level))


def score(
    references: Mapping[str, Sequence[str]],
    hypotheses: Mapping[str, str],
    meteor: bool = True,
    tokenizer: str = "words",
) -> Scores:
    """Score one caption for each item against one or more written by people.

    CIDEr weighs words by how few items' references have them, so it needs a set: with one item
    it is 0, and figures of different sets do not compare.

    Args:
        references: captions by item; any text, not tokenized.
        hypotheses: one caption by item, for the same items; it may be empty.
        meteor: also METEOR, where Java is, else StemMatch. The first time in a process it takes
            seconds more.
        tokenizer: `words` (the reference tokens, made for English), or `characters` for text
            without spaces such as Chinese; METEOR knows English only and is missing then.

    Returns:
        scores, in the order of `references`.

    Raises:
        CnnRnnError: no items, items on one side only, or an item without references.
    """
    split = _splitter(tokenizer)
    _check(references, hypotheses)
    # The program loads its tables while the other scores are computed.
    program, missing = _meteor(tokenizer) if meteor else (None, {"METEOR": "was not asked for"})
    written = [[split(text) for text in references[item]] for item in references]
    said = [split(hypotheses[item]) for item in references]

    overall, each, counts = _bleu_scores(written, said)
    if program is not None:
        try:
            counts["METEOR"] = program.counts(written, said)
            overall["METEOR"] = meteor_program.corpus(counts["METEOR"])
            each["METEOR"] = meteor_program.scores(counts["METEOR"])
        except CnnRnnError as error:
            missing["METEOR"] = str(error)
    if meteor and "METEOR" in missing and tokenizer == "words":
        each[stem_match.KEY] = stem_match.scores(written, said)
        overall[stem_match.KEY] = float(each[stem_match.KEY].mean())
    each["ROUGE_L"] = _rouge_l(written, said)
    each["CIDEr"] = _cider(written, said)
    overall |= {key: float(each[key].mean()) for key in ("ROUGE_L", "CIDEr")}
    return Scores(tuple(references), overall, each, missing, counts)


def _splitter(tokenizer: str) -> Callable[[str], str]:
    """What turns a caption into the space-separated tokens that the metrics take."""
    characters = Tokenizer(tokenizer)
    if tokenizer == "words":
        return lambda text: " ".join(ptb.tokenize(text))
    return lambda text: " ".join(letter for letter in characters(text) if letter != " ")


def _check(references: Mapping[str, Sequence[str]], hypotheses: Mapping[str, str]) -> None:
    if not references:
        raise CnnRnnError("there is nothing to score: no references")
    for ids, what in (
        (references.keys() - hypotheses.keys(), "have references but no caption"),
        (hypotheses.keys() - references.keys(), "have a caption but no references"),
    ):
        if ids:
            raise CnnRnnError(f"{len(ids)} items {what}, such as {min(map(str, ids))!r}")
    for item, texts in references.items():
        if isinstance(texts, str) or not texts:
            raise CnnRnnError(f"the references of {item!r} are {texts!r}", "give a list of texts")
        if not all(isinstance(text, str) for text in (*texts, hypotheses[item])):
            raise CnnRnnError(f"a caption of {item!r} is not a text", "give one text a caption")


def _meteor(tokenizer: str) -> tuple[meteor_program.Meteor | None, dict[str, str]]:
    if tokenizer != "words":
        return None, {"METEOR": "knows English words only"}
    try:
        return meteor_program.shared(), {}
    except CnnRnnError as error:
        return None, {"METEOR": str(error)}


def _bleu_scores(written: list[list[str]], said: list[str]) -> tuple[dict, dict, dict]:
    """Overall, each and counts: n-grams that match (1 to 4), n-grams, length, reference length."""
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    scorer = BleuScorer(n=4)
    for texts, text in zip(written, said, strict=True):
        scorer += (text, texts)
    overall, each = scorer.compute_score(option="closest")
    counts = []
    for item in scorer.ctest:
        length = item["testlen"]
        closest = min(item["reflen"], key=lambda other, length=length: (abs(other - length), other))
        counts.append((*item["correct"], *item["guess"], length, closest))
    return (
        dict(zip(BLEU_KEYS, map(float, overall), strict=True)),
        dict(zip(BLEU_KEYS, map(np.array, each), strict=True)),
        {"Bleu": np.array(counts, np.float64)},
    )


def _bleu(counts: np.ndarray, n: int) -> float:
    """BLEU-n of summed counts (10,), as pycocoevalcap computes it."""
    correct, guess, (length, reference_length) = counts[:n], counts[4 : 4 + n], counts[8:]
    precision = np.prod((correct + _TINY) / (guess + _SMALL)) ** (1 / n)
    ratio = (length + _TINY) / (reference_length + _SMALL)
    return float(precision * np.exp(min(0.0, 1 - 1 / ratio)))


def _rouge_l(written: list[list[str]], said: list[str]) -> np.ndarray:
    from pycocoevalcap.rouge.rouge import Rouge

    rouge = Rouge()
    return np.array(
        [rouge.calc_score([text], texts) for texts, text in zip(written, said, strict=True)]
    )


def _cider(written: list[list[str]], said: list[str]) -> np.ndarray:
    from pycocoevalcap.cider.cider_scorer import CiderScorer

    if not any(text for texts in written for text in texts):
        return np.zeros(len(said))  # the scorer takes the maximum over the references' words
    scorer = CiderScorer(n=4, sigma=6.0)
    for texts, text in zip(written, said, strict=True):
        scorer += (text, texts)
    return scorer.compute_score()[1]
