"""What a comparison of captioners trains: which ways, with which seeds, on how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from cnnrnn import console
from cnnrnn.caption.claims import DEEP_CNN, DEEP_RNN
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features import backbones
from cnnrnn.media.medium import CLIPS, PICTURES
from cnnrnn.text import word2vec
from cnnrnn.training.comparison import SEEDS, chosen, quickened

# What is compared: each with what it is told beside the options that all share.
VARIANTS: dict[str, dict] = {
    "attention": {},
    "inject-init": {"model": "inject-init"},
    "inject": {"model": "inject"},
    "merge": {"model": "merge"},
    "no-clipping": {"clip_norm": 0.0},
    "fixed-rate": {"schedule": "fixed"},
    DEEP_RNN: {"layers": 2},
    "word2vec": {"embeddings": "word2vec"},
    "vectors": {"embeddings": "word2vec", "output": "vectors"},
}
# The same of clips.
CLIP_VARIANTS: dict[str, dict] = {
    "clip-lstm": {"model": "clip-lstm"},
    "clip-mean": {"model": "inject-init"},
    "one-frame": {"model": "inject-init", "frames": 1},
}
# By medium. Small batches: in so few epochs a net learns to speak by many steps, at the same cost.
# What happens in a clip is harder to tell, and the ways are fewer.
_QUICK = {
    PICTURES: {"limit": 320, "epochs": 6, "batch": 8},
    CLIPS: {"limit": 600, "epochs": 12, "batch": 8},
}
# Of the built-in world: eight ways with three seeds each on all of it would take two hours.
_FULL = {
    PICTURES: {"limit": 800, "epochs": 6, "batch": 8},
    CLIPS: {"limit": 1000, "epochs": 12, "batch": 8},
}


@dataclass(frozen=True)
class Plan:
    """What is compared: each variant with each seed.

    base: the settings that all share.
    deeper: a deeper backbone, of the variant DEEP_CNN; None: there is none.
    deeper_weights: of it.
    split: what is captioned and judged.
    """

    base: TrainSettings
    variants: tuple[str, ...]
    seeds: int
    quick: bool
    deeper: str | None = None
    deeper_weights: str = "auto"
    split: str = "test"

    def settings(self, variant: str, seed: int) -> TrainSettings:
        """The settings of one training."""
        known = _known(self.base)
        # The size that was chosen is that of --backbone.
        deeper = {"backbone": self.deeper, "weights": self.deeper_weights, "image_size": None}
        changes = deeper if variant == DEEP_CNN else known[variant]
        return replace(self.base, **{"model": "attention", **changes}, seed=seed)

    def as_config(self) -> dict:
        """In JSON types, to know the plan again."""
        more = {name: getattr(self, name) for name in ("deeper", "deeper_weights", "split")}
        return {"base": asdict(self.base) | more, "variants": list(self.variants)}


def plan(
    base: TrainSettings,
    models: Sequence[str] | None,
    seeds: int | None,
    quick: bool,
    deeper: str | None = None,
    deeper_weights: str = "auto",
    split: str = "test",
) -> Plan:
    """What the options mean.

    Args:
        base: the settings that were typed.
        models: some of `VARIANTS`; None for all that can be trained here, the deeper RNN only
            beside a deeper CNN.
        seeds: trainings of each; None: three, or one with `quick`.
        quick: less data, where no limit was typed, and few epochs of small batches. Of the
            built-in world some pictures of each split and few epochs are taken in any case.
        deeper: a backbone to compare with that of the others.
        deeper_weights: its weights, see `features.extractor.Extractor`.
        split: what is captioned and judged.

    Raises:
        UsageError: a model or a backbone that does not exist; one that is not deeper.
        CnnRnnError: word vectors are to be trained, and gensim is missing.
    """
    known = _known(base)
    variants = chosen(models or _possible(known, deeper is None), list(known))
    if any("embeddings" in known[variant] for variant in variants):
        word2vec.check_installed()
    if deeper:
        if base.clips:
            raise UsageError("--deeper is for pictures", "leave it out for clips")
        _check_deeper(base.sees_with, deeper)
    elif deeper_weights != "auto":
        raise UsageError("--deeper-weights are those of --deeper", "name that too")
    if quick or base.built_in:
        base = quickened(base, (_QUICK if quick else _FULL)[base.medium])
    if deeper:
        variants += (DEEP_CNN,)
    seeds = seeds or (1 if quick else SEEDS)
    return Plan(base, variants, seeds, quick, deeper, deeper_weights, split)


def _check_deeper(usual: str, deeper: str) -> None:
    layers, more = (backbones.get(name).layers for name in (usual, deeper))
    if more <= layers:
        raise UsageError(
            f"--deeper {deeper} has {more} layers, and {usual} has {layers}",
            "name a deeper one, or another --backbone",
        )


def _known(base: TrainSettings) -> dict[str, dict]:
    return CLIP_VARIANTS if base.clips else VARIANTS


def _possible(known: dict[str, dict], shallow: bool) -> list[str]:
    """All variants, without those that need a package that is not here; `shallow`: without the
    deeper RNN, which only tells something beside a deeper CNN."""
    names = [name for name in known if not (shallow and name == DEEP_RNN)]
    if not any("embeddings" in known[name] for name in names):
        return names
    try:
        word2vec.check_installed()
    except CnnRnnError as error:
        console.warn(f"{error.message}: word2vec and vectors are left out ({error.hint})")
        return [name for name in names if "embeddings" not in known[name]]
    return names
