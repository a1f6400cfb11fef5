"""Several runs that caption together, by the mean of their word distributions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.caption.captioner import Captioner
from cnnrnn.caption.prepare import Pictures
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source


class JoinedRows:
    """Features of the same pictures by several backbones; what is pooled is the first one's."""

    def __init__(self, parts: Sequence):
        self.parts = tuple(parts)
        self.row_shape = tuple(part.row_shape for part in parts)

    def __len__(self) -> int:
        return len(self.parts[0])

    def read(self, indices: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Features of the pictures with these numbers, by backbone."""
        return tuple(part.read(indices) for part in self.parts)

    def part(self, numbers: Sequence[int]) -> JoinedRows:
        """Some of them."""
        return JoinedRows([part.part(numbers) for part in self.parts])

    def pooled(self) -> np.ndarray:
        """See `features.selection.PictureRows.pooled`."""
        return self.parts[0].pooled()


def joined(seen: Sequence[Pictures]) -> Pictures:
    """Pictures with the features that each of several runs wants.

    Raises:
        CnnRnnError: one run can use other pictures than another.
    """
    first = seen[0]
    for other in seen[1:]:
        if [each.id for each in other.examples] != [each.id for each in first.examples]:
            raise CnnRnnError(
                "not every run has features of the same pictures", "evaluate the runs one by one"
            )
    return Pictures(first.examples, JoinedRows([each.features for each in seen]), first.failures)


class CaptionerEnsemble(Captioner):
    """Captioners as one.

    Args:
        members: at least two, which know the same words.

    Raises:
        CnnRnnError: they know different words.
    """

    def __init__(self, members: Sequence[Captioner]):
        first = members[0]
        for other in members[1:]:
            if other.vocabulary.words != first.vocabulary.words:
                raise CnnRnnError(
                    f"{other.run.path} and {first.run.path} know different words",
                    "runs that caption together must be trained on the same data",
                )
            if other.clips != first.clips:
                raise CnnRnnError("one run captions clips, another pictures", "leave one out")
        from cnnrnn.text.ensemble import Ensemble  # starts Keras

        model = Ensemble([each.model for each in members])
        super().__init__(model, first.vocabulary, first.extractor, first.familiarity, first.run)
        self.runs = [each.run for each in members]
        self._extractors = [each.extractor for each in members]

    def _look(self, source: Source):
        if None in self._extractors:
            raise self._blind()
        data = self._extractors[0].content(source)
        return [each.pixels(source, data) for each in self._extractors]

    def _features(self, looked: Sequence) -> tuple[np.ndarray, ...]:
        """Of each backbone; one that several runs share looks once."""
        known: list[tuple] = []
        for number, extractor in enumerate(self._extractors):
            kind = (extractor.spec, extractor.row_shape)
            same = (found for other, found in known if other == kind)
            features = next(same, None)
            if features is None:
                features = extractor.compute([pixels[number] for pixels in looked])
            known.append((kind, features))
        return tuple(features for _, features in known)

    def _known(self, features: tuple[np.ndarray, ...]):
        return super()._known(features[0])


def opened(run: Path | str | Sequence[Path | str] | None, clips: bool = False) -> Captioner:
    """One run, see `Captioner.load`, or several that caption together.

    Args:
        run: the run or runs; None for the newest that fits.
        clips: it is wanted for clips.

    Raises:
        UsageError: a list of fewer than two.
        CnnRnnError: a run cannot be opened, or they know different words.
    """
    if run is None or isinstance(run, Path | str):
        return Captioner.load(run, clips=clips)
    if len(run) < 2:
        raise UsageError(f"{len(run)} run is no ensemble", "name two or more: --runs A,B")
    found = CaptionerEnsemble([Captioner.load(each) for each in run])
    console.info(f"ensemble of {', '.join(str(each.path) for each in found.runs)}")
    return found
