"""Files written whole or not at all, and the folder that caches live in."""

from __future__ import annotations

import gzip
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cnnrnn.errors import CnnRnnError

GZIP = b"\x1f\x8b"  # how a file begins that gzip has packed


@contextmanager
def atomic_write(path: Path | str, mode: str = "wb") -> Iterator[IO]:
    """Open a temporary file beside `path`; it takes the name `path` only when the block succeeds.

    Args:
        path: the file to write; its folder is made.
        mode: `wb`, or `w` for UTF-8 text.

    Raises:
        CnnRnnError: the folder or the disk does not take the file.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; a result should get the person's usual permissions.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise CnnRnnError(
            f"cannot write {path}: {error.strerror or error}", "check the folder and the free disk"
        ) from error
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def make_folder(path: Path) -> None:
    """Make the folder that a command writes into, where it is not there.

    Raises:
        CnnRnnError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CnnRnnError(
            f"cannot write into {path}: {error.strerror or error}", "choose another folder"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with atomic_write(path, "w") as file:
        file.write(text)


def read_json(path: Path | str) -> Any:
    """Read a JSON file, plain or packed by gzip whatever its name.

    Raises:
        CnnRnnError: the file is missing, unreadable or not JSON.
    """
    try:
        data = Path(path).read_bytes()
        if data[:2] == GZIP:
            data = gzip.decompress(data)
        return json.loads(data.decode("utf-8"))
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise CnnRnnError(f"cannot read {path}: {reason}") from error
    except ValueError as error:
        raise CnnRnnError(f"{path} is not JSON: {error}") from error


def cache_root() -> Path:
    """The folder of all caches: `$CNNRNN_CACHE`, else the platform's user cache folder."""
    chosen = os.environ.get("CNNRNN_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "cnnrnn"
