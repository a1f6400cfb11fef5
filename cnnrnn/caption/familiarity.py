"""Does a picture belong to the world that a model was trained on?

The distance of a picture is 1 minus the cosine between its pooled, centred features and the
nearest of a sample of training pictures. The limit is what all but a few held-out pictures keep.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write

SAMPLE = 512  # training pictures that are kept
_KEPT = 0.995  # share of held-out pictures that are called familiar
_MARGIN = 1.25  # the limit is a little above that: unlike must mean clearly unlike
_ENOUGH = 100  # fewer held-out pictures do not show how far a familiar one can be


def pooled(features: np.ndarray) -> np.ndarray:
    """Features (n, D) or grids (n, K, D) as float32 (n, D)."""
    features = np.asarray(features, np.float32)
    return features.reshape(len(features), -1, features.shape[-1]).mean(axis=1)


@dataclass
class Familiarity:
    """A sample of the training pictures' features.

    centre: (D,) mean of the sample; vectors: (n, D) centred, of length 1; limit: distance above
    which a picture is strange.
    """

    centre: np.ndarray
    vectors: np.ndarray
    limit: float

    @classmethod
    def measure(cls, training: np.ndarray, held_out: np.ndarray) -> Familiarity:
        """Learn from pooled features (n, D) of training and of held-out pictures.

        Where few are held out, the training pictures, each against the others, count too.
        """
        centre = training.mean(axis=0)
        measured = cls(centre, _directions(training - centre), 0.0)
        distances = measured.distances(held_out)
        if len(held_out) < _ENOUGH and len(training) > 1:
            cosines = measured.vectors @ measured.vectors.T
            np.fill_diagonal(cosines, -1.0)
            distances = np.concatenate([distances, 1 - cosines.max(axis=1)])
        measured.limit = _MARGIN * float(np.quantile(distances, _KEPT))
        return measured

    def distances(self, vectors: np.ndarray) -> np.ndarray:
        """Distances (n,) of pooled features (n, D), 0 to 2."""
        return 1 - (_directions(vectors - self.centre) @ self.vectors.T).max(axis=1)

    def known(self, features: np.ndarray) -> np.ndarray:
        """Whether each of these features (n, ...) is of a familiar picture, (n,) bool."""
        return self.distances(pooled(features)) <= self.limit

    def save(self, path: Path) -> None:
        """Write centre, vectors and limit as .npz."""
        with atomic_write(path) as file:
            np.savez(
                file,
                centre=self.centre.astype(np.float16),
                vectors=self.vectors.astype(np.float16),
                limit=np.float32(self.limit),
            )

    @classmethod
    def load(cls, path: Path) -> Familiarity | None:
        """Read what `save` wrote; None where there is no such file."""
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = [stored[key].astype(np.float32) for key in ("centre", "vectors", "limit")]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise CnnRnnError(f"{path} is damaged", "copy the run again") from error
        return cls(arrays[0], arrays[1], float(arrays[2]))


def _directions(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-6)
