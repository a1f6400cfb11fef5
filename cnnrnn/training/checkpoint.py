"""Model files written so that a reader never meets half of one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from cnnrnn.errors import CnnRnnError

Save = Callable[[Path], object]  # writes a model to the path it is given, as `model.save` does


def write_model(save: Save, path: Path) -> str:
    """Let `save` write `path`, see it to the disk, return its digest.

    Raises:
        CnnRnnError: the folder or the disk does not take the file. Whatever stops `save`, nothing
            is left at `path`.
    """
    try:
        save(path)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        return digest_of(path)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CnnRnnError(
                f"cannot write {path}: {error.strerror or error}",
                "check the folder and the free disk",
            ) from error
        raise


def digest_of(path: Path) -> str:
    """BLAKE2b of a file's content, 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
