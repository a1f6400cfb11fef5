"""The folder of results: annotated pictures, and the file that DenseCap's own viewer reads.

`results.json` is `{"opt": {...}, "results": [{"img_name", "boxes", "scores", "captions"}]}` as the
published program writes it: a box is [x, y, width, height] in pixels of the picture of that name,
which lies beside it, its longer side at most 720 pixels.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn.densecap.describer import Described, DescribeSettings
from cnnrnn.files import write_json
from cnnrnn.media import images
from cnnrnn.media.sources import OutputNames
from cnnrnn.regions.boxes import scaled, to_sized

MAX_SIDE = 720
FILE = "results.json"


class Viewer:
    """Collects the results of many pictures; `close` writes the file.

    Args:
        folder: where all goes.
        settings: how the regions were found, kept for the record.
    """

    def __init__(self, folder: Path, settings: DescribeSettings):
        self.folder, self.settings = folder, settings
        self._names = OutputNames(".jpg")
        self._results: list[dict[str, Any]] = []

    def name(self, name: str) -> str:
        """A file name for a source that no other has."""
        return self._names(name)

    def add(self, picture: np.ndarray, found: Described) -> None:
        """Write a picture as the viewer shows it, and keep its regions."""
        height, width = picture.shape[:2]
        scale = min(1.0, MAX_SIDE / max(height, width))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        name = self._names(f"plain/{Path(found.name).stem or 'picture'}.jpg", folders=1)
        images.save(self.folder / name, images.resize(picture, size))
        boxes = np.array([region.box for region in found.regions]).reshape(-1, 4)
        boxes = to_sized(scaled(boxes, size[1] / width, size[0] / height))
        self._results.append(
            {
                "img_name": name,
                "boxes": boxes.round(2).tolist(),
                "scores": [round(region.score, 6) for region in found.regions],
                "captions": [region.phrase for region in found.regions],
            }
        )

    def close(self) -> None:
        """Write `results.json`."""
        write_json(
            self.folder / FILE, {"opt": asdict(self.settings), "results": self._results}
        )
