"""How regions are found and told, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cnnrnn.densecap.check import MAX_WORDS
from cnnrnn.errors import UsageError
from cnnrnn.text.decoder import DecodeSettings


@dataclass(frozen=True)
class DescribeSettings:
    """How regions are found and told.

    proposals: boxes of a picture that are looked at closely, at most.
    max_regions: regions of a picture, at most.
    least: probability below which a region is not told, 0 to 1.
    overlap: IoU of two regions above which only the better one is told; the paper has 0.3, where
        a full basket hides the basket.
    search: how phrases are searched; the paper's way is greedy.
    time_budget: seconds for a picture, about; the surest proposals and regions come first, and
        what does not fit in is left out. None takes what it takes.
    """

    proposals: int = 300
    max_regions: int = 100
    least: float = 0.0
    overlap: float = 0.5
    search: DecodeSettings = DecodeSettings(beam_width=1, max_words=MAX_WORDS)
    time_budget: float | None = None

    def __post_init__(self):
        if self.proposals < 1 or self.max_regions < 1:
            raise UsageError(
                f"{self.proposals} proposals and {self.max_regions} regions", "at least 1 each"
            )
        if not 0 <= self.least <= 1 or not 0 <= self.overlap <= 1:
            raise UsageError(f"least is {self.least}, overlap {self.overlap}", "0 to 1")
        if self.time_budget is not None and not self.time_budget > 0:
            raise UsageError(f"a time budget of {self.time_budget} s", "more than 0")


@dataclass
class FoundRegion:
    """A place in a picture and what is said of it.

    box: (x1, y1, x2, y2) in pixels of the picture.
    score: probability that something is there, 0 to 1; of a box that was found, the geometric mean
        of those of both looks at it.
    log_probability: of the phrase.
    """

    box: tuple[float, float, float, float]
    score: float
    phrase: str = ""
    log_probability: float = 0.0


@dataclass
class Described:
    """What is found in one picture.

    name: of the source. size: (width, height) of the picture.
    regions: surest first.
    seconds: what it took, by stage: `look`, `propose`, `recognise`, `write`.
    familiar: False for a picture unlike everything that the model was trained on.
    error: why there is nothing; then the rest is empty.
    """

    name: str
    size: tuple[int, int] = (0, 0)
    regions: list[FoundRegion] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    familiar: bool = True
    error: str = ""


@dataclass
class Candidates:
    """What was looked at closely in one picture.

    found: what is known of the picture; no regions.
    codes: (n, C); scores: (n,), probabilities; boxes: (n, 4) in pixels of the picture.
    """

    found: Described
    codes: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
