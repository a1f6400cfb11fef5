"""Boxes for any picture, no words: a trunk with a proposal head, and its use.

    proposer = Proposer.load("runs/densecap/scenes-1/best.keras")
    boxes, scores = proposer.propose(picture, count=20)

The two are trained inside a larger network and are taken out of its file alone, so that another
task may ask where something is without the task that trained them.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError
from cnnrnn.features import engines, trunks
from cnnrnn.media import images
from cnnrnn.regions import boxes as places
from cnnrnn.regions.anchors import shapes
from cnnrnn.regions.proposals import ProposalHead
from cnnrnn.regions.sizes import nearest, sizes
from cnnrnn.regions.suppression import OVERLAP, suppress

keras = backend.keras()
ops = keras.ops

# Where Keras keeps, in the file of a network, the weights of its part of this class.
_WEIGHTS = "layers/proposal_net"


@keras.saving.register_keras_serializable("cnnrnn.regions")
class ProposalNet(keras.Model):
    """Pictures to boxes in which something may be.

    Args:
        backbone: a name in `trunks.TRUNKS`.
        side: pixels of the longer side of the pictures, which the anchors are scaled to.
        filters: channels of the proposal head.
        frozen: the trunk is not trained.
        weights: of the trunk, see `backbones`; a file of the model brings its own.
    """

    def __init__(
        self,
        backbone: str = "scenes",
        side: int | None = None,
        filters: int = 256,
        frozen: bool = False,
        weights: str = "random",
        **kwargs,
    ):
        super().__init__(**kwargs)
        trunk = trunks.get(backbone)
        self.backbone, self.side = backbone, side or trunk.side
        self._settings = {
            "backbone": backbone, "side": self.side, "filters": filters, "frozen": frozen,
        }  # fmt: skip
        self.stride, self.depth = trunk.stride, trunk.depth
        self.trunk = trunk.build(weights)  # first: optimizers tell it apart by that
        if frozen:
            self.trunk.trainable = False
        self.head = ProposalHead(
            trunk.stride, shapes(self.side, trunk.stride), filters, name="head",
            dtype=self.dtype_policy,
        )  # fmt: skip

    def build(self, input_shape=None):
        """Make every weight now, so that a loaded model needs no first call."""
        self.head.build((None, None, None, self.depth))
        self.built = True

    def look(self, pictures):
        """Pictures (B, h, w, 3), RGB in [0, 255] -> their grids (B, H, W, D).

        Normalisation stays as it was learned, in training too.
        """
        return self.trunk(ops.cast(pictures, "float32"), training=False)

    def propose(self, grid):
        """Where something may be in a grid: boxes (B, N, 4) and scores (B, N), logits."""
        found = self.head(grid)
        return found["boxes"], found["scores"]

    def call(self, pictures):
        """Pictures (B, h, w, 3) -> boxes (B, N, 4) and scores (B, N)."""
        return self.propose(self.look(pictures))

    def get_config(self):
        return {**super().get_config(), **self._settings}


class Proposer:
    """Proposes boxes for pictures of any size.

    Args:
        net: it is not trained any more; its trunk may be rewritten to run faster.
    """

    def __init__(self, net: ProposalNet):
        self.sizes = sizes(net.backbone, net.side)
        self._look = engines.make(net.trunk)
        self._propose = backend.compiled(net.propose)

    @classmethod
    def load(cls, path: Path | str) -> Proposer:
        """Take the boxes out of a trained network, and leave its words where they are.

        Args:
            path: the .keras file of a network that has a `ProposalNet` as its part and the
                settings of that among its own, such as best.keras of a run of `densecap`.

        Raises:
            CnnRnnError: it is missing or damaged, or has no such part.
        """
        return cls(_part(path))

    def propose(
        self, picture: np.ndarray, count: int = 100, overlap: float = OVERLAP
    ) -> tuple[np.ndarray, np.ndarray]:
        """The boxes of a picture in which something may be, surest first.

        Args:
            picture: uint8 (H, W, 3) RGB.
            count: so many at most.
            overlap: IoU of two boxes above which only the better one stays.

        Returns:
            float (n, 4), (x1, y1, x2, y2) in pixels of the picture, and probabilities (n,).
        """
        height, width = picture.shape[:2]
        size = nearest((width, height), self.sizes)
        grid = np.asarray(self._look(images.resize(picture, size)[None]))
        boxes, scores = (np.asarray(part)[0] for part in self._propose(grid))
        chosen = suppress(boxes, scores, overlap, count)
        found = places.scaled(boxes[chosen], width / size[1], height / size[0])
        return found, 1 / (1 + np.exp(-scores[chosen].astype(np.float64)))


def _part(path: Path | str) -> ProposalNet:
    """See `Proposer.load`: a .keras file is a zip of config.json and model.weights.h5."""
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            config = json.loads(archive.read("config.json"))["config"]
            names = ("backbone", "side", "filters", "frozen", "dtype")
            net = ProposalNet(**{name: config[name] for name in names})
            net.build()
            alone = Path(folder, "alone.weights.h5")
            whole = archive.extract("model.weights.h5", folder)
            with h5py.File(whole) as source, h5py.File(alone, "w") as target:
                for name in source[_WEIGHTS]:
                    source.copy(f"{_WEIGHTS}/{name}", target, name)
            net.load_weights(alone)
    except CnnRnnError:
        raise
    except Exception as error:  # Keras raises whatever the damage happens to break
        reason = " ".join(str(error).split())[:120]
        raise CnnRnnError(
            f"cannot take proposals out of {path}: {reason}", "give best.keras of a densecap run"
        ) from error
    return net
