"""Does a picture belong to the world that a model was trained on?

The distance of a picture is that of its pooled features from the mean of the training pictures,
measured in their own spread (Mahalanobis; Lee et al. 2018 find strange inputs by it):

    d(v) = |W (v - m)| / sqrt(D),  W' W = (C + s I)^-1,  C the correlations of the D features

A drawn scene and a photo may look alike to the net in what varies among scenes; they differ in what
does not. The limit is what all but a few held-out pictures keep.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write

SAMPLE = 2000  # training pictures that are looked at
_KEPT = 0.995  # share of held-out pictures that are called familiar
_MARGIN = 1.1  # the limit is a little above that: unlike must mean clearly unlike
_SHRINKAGE = 0.03  # s: what few pictures say of 1,280 features is not taken at its word
_FLAT = 0.05  # a feature that hardly varies counts as varying by this share of the usual
_BLOCK = 256  # vectors whose copies are held at once
_ENOUGH = 100  # fewer held-out pictures do not show how far a familiar one can be


def pooled(features: np.ndarray) -> np.ndarray:
    """Features (n, D) or grids (n, K, D) as float32 (n, D)."""
    features = np.asarray(features, np.float32)
    return features.reshape(len(features), -1, features.shape[-1]).mean(axis=1)


@dataclass
class Familiarity:
    """Where the training pictures' features lie.

    centre: (D,) their mean; whitening: (D, D), W transposed, with each feature's own scale in it;
    limit: distance above which a picture is strange.
    """

    centre: np.ndarray
    whitening: np.ndarray
    limit: float

    @classmethod
    def measure(cls, training: np.ndarray, held_out: np.ndarray) -> Familiarity:
        """Learn from pooled features (n, D) of training and of held-out pictures.

        Where few are held out, either half of the training pictures, seen from the other, counts
        too.
        """
        measured = cls._spread(training)
        distances = [measured.distances(held_out)]
        if len(held_out) < _ENOUGH and len(training) > 1:
            halves = training[::2], training[1::2]
            distances += [
                cls._spread(one).distances(other) for one, other in (halves, halves[::-1])
            ]
        measured.limit = _MARGIN * float(np.quantile(np.concatenate(distances), _KEPT))
        return measured

    @classmethod
    def _spread(cls, vectors: np.ndarray) -> Familiarity:
        """Centre and whitening of features (n, D), with no limit yet."""
        centre = vectors.mean(axis=0, dtype=np.float64)
        covariance = np.zeros((len(centre), len(centre)))
        for first in range(0, len(vectors), _BLOCK):
            units = vectors[first : first + _BLOCK] - centre
            covariance += units.T @ units / len(vectors)
        scale = np.sqrt(np.diag(covariance))
        scale = np.maximum(scale, max(_FLAT * scale.mean(), 1e-3))
        covariance /= scale * scale[:, None]
        variances, axes = np.linalg.eigh(covariance)
        whitening = axes / np.sqrt(np.maximum(variances, 0) + _SHRINKAGE) / scale[:, None]
        return cls(centre.astype(np.float32), whitening.astype(np.float32), 0.0)

    def distances(self, vectors: np.ndarray) -> np.ndarray:
        """Distances (n,) of pooled features (n, D); about 1 and less for training pictures."""
        found = np.empty(len(vectors), np.float32)
        for first in range(0, len(vectors), _BLOCK):
            units = (vectors[first : first + _BLOCK] - self.centre) @ self.whitening
            found[first : first + _BLOCK] = np.sqrt(np.square(units).mean(axis=1))
        return found

    def known(self, features: np.ndarray) -> np.ndarray:
        """Whether each of these features (n, ...) is of a familiar picture, (n,) bool."""
        return self.distances(pooled(features)) <= self.limit

    def save(self, path: Path) -> None:
        """Write centre, whitening and limit as .npz."""
        with atomic_write(path) as file:
            np.savez(
                file,
                centre=self.centre.astype(np.float16),
                whitening=self.whitening.astype(np.float16),
                limit=np.float32(self.limit),
            )

    @classmethod
    def load(cls, path: Path) -> Familiarity | None:
        """Read what `save` wrote; None where there is no such file."""
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                keys = ("centre", "whitening", "limit")
                arrays = [stored[key].astype(np.float32) for key in keys]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise CnnRnnError(f"{path} is damaged", "copy the run again") from error
        return cls(arrays[0], arrays[1], float(arrays[2]))

