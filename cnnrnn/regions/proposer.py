"""Boxes for any picture, no words: a trunk with a proposal head, and its use.

    proposer = Proposer.load("runs/densecap/scenes-1/proposals.keras")
    boxes, scores = proposer.propose(picture, count=20)

A task that trains the two inside a larger network saves them alone too, so that another task may
ask where something is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnrnn import backend
from cnnrnn.features import engines, trunks
from cnnrnn.media import images
from cnnrnn.regions import boxes as places
from cnnrnn.regions.anchors import shapes
from cnnrnn.regions.proposals import OVERLAP, ProposalHead
from cnnrnn.regions.sizes import nearest, sizes
from cnnrnn.regions.suppression import suppress
from cnnrnn.training.fit import load_model

keras = backend.keras()
ops = keras.ops


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
        """Open a file that a training saved.

        Raises:
            CnnRnnError: it is missing or damaged.
        """
        return cls(load_model(path))

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
