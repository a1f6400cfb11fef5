"""Features that somebody else has computed: one file with names and rows.

    FILE.h5    datasets `names` (n,) strings and `features` (n, ...) numbers
    FILE.npz   the same two arrays, as `numpy.savez` writes them

Nothing in the file is ever run: pickled objects are refused. Rows stay in the file and are read
when they are needed, except those of a compressed `.npz`, which can only be read as a whole.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from cnnrnn.errors import CnnRnnError

ABSENT = -1
_AMBIGUOUS = -2
_HINT = "expected `names` (n strings) and `features` (n rows of numbers)"
_MEMBER = 30  # bytes of a zip member's header before its name; lengths of name and extra end it


class Precomputed:
    """Rows of features with a name each.

    Attributes:
        names: list[str].
        row_shape, dtype: of one row; (D,) or (H, W, D) or (cells, D), float16 or float32.
    """

    def __init__(self, path: Path, names: list[str], features: Any):
        self.path, self.names = path, names
        self.row_shape = tuple(int(side) for side in features.shape[1:])
        self.dtype = np.dtype(np.float16 if features.dtype == np.float16 else np.float32)
        self._features = features
        # Exact names go before file names, and these before stems.
        self._exact = {name: row for row, name in enumerate(names)}
        self._files = _unique(_file(name) for name in names)
        self._stems = _unique(_stem(name) for name in names)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, names: Iterable[str]) -> np.ndarray:
        """The rows of names: the same name, else the same file name, else the same stem.

        A file name or stem that several rows share finds nothing: which one is meant is unknown.

        Returns:
            int64 (n,), -1 where there is none.
        """
        rows = []
        for name in names:
            row = self._exact.get(name)
            if row is None:
                row = self._files.get(_file(name))
            if row is None:
                row = self._stems.get(_stem(name), ABSENT)
            rows.append(max(row, ABSENT))
        return np.array(rows, np.int64)

    def read(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Copies of rows.

        Args:
            indices: rows as `find` gives them, in any order.

        Returns:
            (n, *row_shape) in `dtype`.

        Raises:
            CnnRnnError: a row that is not there, or holds what is no number.
        """
        result = np.empty((len(indices), *self.row_shape), self.dtype)
        for row, index in zip(result, np.asarray(indices, np.int64).tolist(), strict=True):
            if not 0 <= index < len(self.names):
                raise CnnRnnError(f"{self.path} has no row {index}", f"rows 0 to {len(self) - 1}")
            row[...] = self._features[index]
            if not np.isfinite(row.sum(dtype=np.float64)):
                raise CnnRnnError(
                    f"{self.path}: the features of {self.names[index]} are not all numbers",
                    "compute them again, or leave out that picture",
                )
        return result

    def close(self) -> None:
        """Let go of the file."""
        file = getattr(self._features, "file", None)
        if file is not None:
            file.close()


def open_features(path: Path | str) -> Precomputed:
    """Open a file of features.

    Raises:
        CnnRnnError: it is missing, of another kind, damaged, or holds something else.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CnnRnnError(f"{path} is no file of features", f"one of {', '.join(_READERS)}")
    if not path.is_file():
        raise CnnRnnError(f"no features {path}", "give a file that exists")
    try:
        names, features = reader(path)
        names = [_text(name) for name in names]
    except KeyError as error:
        raise CnnRnnError(f"{path} lacks {error.args[0]}", _HINT) from error
    # Damaged files fail as OSError, ValueError, EOFError, RuntimeError, BadZipFile ...
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CnnRnnError(f"cannot read the features {path}: {reason}", _HINT) from error
    if features.dtype.kind not in "fiu" or features.ndim not in (2, 3, 4):
        raise CnnRnnError(
            f"{path}: `features` is {features.dtype} of shape {features.shape}", _HINT
        )
    if len(names) != len(features):
        raise CnnRnnError(f"{path} has {len(names)} names for {len(features)} rows", _HINT)
    if not names:
        raise CnnRnnError(f"{path} holds no features", _HINT)
    return Precomputed(path, names, features)


def _read_h5(path: Path) -> tuple[Any, Any]:
    import h5py

    file = h5py.File(path, "r", locking=False)
    try:
        for name in ("names", "features"):
            if not isinstance(file.get(name), h5py.Dataset):
                raise KeyError(f"the dataset `{name}`")
        names, features = file["names"], file["features"]
        if h5py.check_string_dtype(names.dtype) is None or names.ndim != 1:
            raise ValueError("`names` is no list of strings")
        return names[:], features
    except BaseException:
        file.close()
        raise


def _read_npz(path: Path) -> tuple[Any, Any]:
    with np.load(path, allow_pickle=False) as file:
        for name in ("names", "features"):
            if name not in file.files:
                raise KeyError(f"the array `{name}`")
        names = file["names"]
        if names.dtype.kind not in "US" or names.ndim != 1:
            raise ValueError("`names` is no list of strings")
        mapped = _mapped(path, "features.npy")
        return names.tolist(), file["features"] if mapped is None else mapped


def _mapped(path: Path, member: str) -> np.ndarray | None:
    """The array of an uncompressed member as a memory map; None where there is no such."""
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        if member not in archive.namelist():
            return None
        info = archive.getinfo(member)
        if info.compress_type != zipfile.ZIP_STORED:
            return None
        file.seek(info.header_offset)
        header = file.read(_MEMBER)
        file.seek(
            int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:], "little"), 1
        )
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(version)
        if read is None:
            return None
        shape, fortran, dtype = read(file)
        if dtype.hasobject or fortran:
            return None
        return np.memmap(path, dtype, "r", file.tell(), shape)


_READERS = {".h5": _read_h5, ".hdf5": _read_h5, ".npz": _read_npz}


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _file(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _stem(name: str) -> str:
    return PurePosixPath(_file(name)).stem


def _unique(names: Iterable[str]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, name in enumerate(names):
        rows[name] = _AMBIGUOUS if name in rows else row
    return rows
