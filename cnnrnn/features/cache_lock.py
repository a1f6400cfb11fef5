"""One writer at a time: a lock that the system lets go of, however its process ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

from cnnrnn.features.cache_file import CacheBusy, beside, disk_error

if os.name == "nt":
    import msvcrt

    def _try_lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(handle: int) -> None:
        # Not lockf: its lock is lost as soon as the process closes any handle of the file.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


PAUSE = 0.02  # seconds between two tries


class WriterLock:
    """The right to write the cache file `path`, held in a file of its own (`FILE.lock`).

    Args:
        path: the cache file.
        wait: seconds to wait for another writer.

    Raises:
        CacheBusy: another process, or another cache object of this one, is still writing.
        CacheError: the folder does not take the lock file.
    """

    def __init__(self, path: Path, wait: float = 0.0):
        self._file = beside(path, ".lock")
        deadline = time.monotonic() + wait
        while not self._acquire(path):
            if time.monotonic() >= deadline:
                raise CacheBusy(
                    f"another process is writing the feature cache {path}",
                    "what is computed now is not cached",
                )
            time.sleep(PAUSE)

    def _acquire(self, path: Path) -> bool:
        try:
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise disk_error(path, error) from error
        try:
            _try_lock(handle)
            # `clear` may have removed the lock file between the two lines above.
            if os.path.samestat(os.fstat(handle), os.stat(self._file)):
                self._handle = handle
                return True
        except OSError:
            pass
        os.close(handle)
        return False

    def release(self, remove: bool = False) -> None:
        """Let the next writer in; `remove` takes the lock file away too."""
        if self._handle is None:
            return
        if remove and os.name != "nt":  # Windows does not remove an open file
            self._file.unlink(missing_ok=True)
        os.close(self._handle)
        self._handle = None

    def __enter__(self) -> WriterLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
