"""One picture or clip that has not been read yet: a file, an array, or of the built-in data set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.media import images
from cnnrnn.media.medium import BUSY, RIDDLES

KEY_BYTES = 16
BLOCK = 1 << 20  # bytes of a file that are hashed at a time: a film may not fit in memory


@dataclass(frozen=True, eq=False)
class Source:
    """One picture or clip that has not been read yet; exactly one of the last five fields is set.

    `problem` says why there is nothing to read: a batch reports such a source and goes on.
    """

    name: str  # as typed or found; what messages and results show
    path: Path | None = None
    scene: tuple[str, int] | None = None  # split and index; the split may end in `-riddles`
    clip: tuple[str, int] | None = None  # the same of its clips; the split may end in `-busy`
    array: np.ndarray | None = None  # uint8 RGB: (H, W, 3), or of a clip (T, H, W, 3)
    problem: str = ""

    def key(self, data: bytes | None = None) -> str:
        """32 hexadecimal digits made from the content alone: a renamed file keeps its key.

        Args:
            data: what `content` gave, where the file was read already.

        Raises:
            CnnRnnError: the file is missing or cannot be read.
        """
        digest = blake2b(digest_size=KEY_BYTES)
        if self.scene is not None:
            from cnnrnn import scenes
            from cnnrnn.scenes import riddles

            split, index = self.scene
            if split.endswith(RIDDLES):
                digest.update(f"riddles {riddles.VERSION} {split} {index}".encode())
            else:
                digest.update(f"scenes {scenes.VERSION} {split} {index}".encode())
        elif self.clip is not None:
            from cnnrnn.scenes import clips

            split, index = self.clip
            digest.update(f"clips {clips.VERSION} {split} {index}".encode())
        elif self.array is not None:
            digest.update(f"array {self.array.dtype} {self.array.shape} ".encode())
            digest.update(np.ascontiguousarray(self.array))
        elif data is not None:
            digest.update(data)
        else:
            with self.opened() as file:
                while block := file.read(BLOCK):
                    digest.update(block)
        return digest.hexdigest()

    def read(self, min_side: int | None = None, data: bytes | None = None) -> np.ndarray:
        """The picture.

        Args:
            min_side: pixels of the shorter side that are still needed (see `images.decode`).
            data: what `content` gave, where the file was read already.

        Returns:
            uint8 (H, W, 3), RGB.

        Raises:
            CnnRnnError: the file is missing, unreadable or no picture.
        """
        if self.scene is not None:
            from cnnrnn import scenes
            from cnnrnn.scenes import riddles

            split, index = self.scene
            if split.endswith(RIDDLES):
                return scenes.render(riddles.scene(split.removesuffix(RIDDLES), index))
            return scenes.render(scenes.scene(split, index))
        if self.clip is not None:
            raise CnnRnnError(f"{self.name} is a clip, not a picture", "scenes:3 is a picture")
        if self.array is not None:
            return images.rgb(self.array, self.name)
        return images.decode(self.content() if data is None else data, self.name, min_side)

    def frames(self) -> np.ndarray | None:
        """All frames of a clip that is no file, uint8 (T, H, W, 3) RGB; None for a file.

        Raises:
            CnnRnnError: a picture; there is nothing to read.
        """
        if self.problem:
            raise CnnRnnError(self.problem)
        if self.clip is not None:
            from cnnrnn.scenes import clips

            split, index = self.clip
            busy = split.endswith(BUSY)
            return clips.render_clip(clips.clip(split.removesuffix(BUSY), index, busy))
        if self.array is not None and self.array.ndim == 4 and self.array.dtype == np.uint8:
            if self.array.shape[3] == 3 and 0 not in self.array.shape:
                return self.array
        if self.scene is not None or self.array is not None:
            raise CnnRnnError(
                f"{self.name} is no clip",
                "give a video file, clips:3, or uint8 of shape (frames, height, width, 3)",
            )
        return None

    def content(self) -> bytes | None:
        """The bytes of the file; None for an array or the built-in data set.

        Raises:
            CnnRnnError: the file is missing or cannot be read.
        """
        if self.path is None and not self.problem:
            return None
        with self.opened() as file:
            return file.read()

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The file of a source that has a path, open for reading.

        Raises:
            CnnRnnError: it is missing, cannot be read, or is no plain file.
        """
        if self.problem:
            raise CnnRnnError(self.problem)
        try:
            # A pipe or device would be empty at the second reading, or never end.
            if self.path.exists() and not self.path.is_file():
                raise CnnRnnError(f"{self.name} is not a file")
            with self.path.open("rb") as file:
                yield file
        except FileNotFoundError as error:
            raise CnnRnnError(f"{self.name} does not exist") from error
        # ValueError: a name with a zero byte.
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CnnRnnError(f"cannot read {self.name}: {reason}") from error
