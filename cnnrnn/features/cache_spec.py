"""Which features: the identity of a cache file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass

from cnnrnn.features.cache_file import FORMAT


@dataclass(frozen=True)
class FeatureSpec:
    """Everything that decides a feature's values, besides the picture.

    `size`: side of the network's input in pixels, or (height, width). `preprocessing`: version of
    the preprocessing. `variant`: what is done to the picture first ("", "mirror", a sampling of
    frames).
    """

    backbone: str
    weights_hash: str
    output: str
    size: int | tuple[int, int]
    dtype: str = "float16"
    preprocessing: int = 1
    variant: str = ""

    @property
    def json(self) -> str:
        """The spec in one line, the same for equal specs."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @property
    def filename(self) -> str:
        """Readable and safe on every file system; the hash tells apart what reads the same."""
        size = self.size if isinstance(self.size, int) else "x".join(map(str, self.size))
        parts = (self.backbone, self.output, str(size), self.variant)
        safe = [re.sub(r"\W+", "_", part, flags=re.ASCII)[:40] for part in parts if part]
        digest = hashlib.blake2b(f"{FORMAT} {self.json}".encode(), digest_size=6).hexdigest()
        return f"{'-'.join(safe)}-{digest}.h5"
