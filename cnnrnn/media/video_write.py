"""Frames to a video file: mp4 by PyAV, GIF by Pillow. Written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from PIL import Image

from cnnrnn.errors import CnnRnnError, UsageError

# H.264 plays everywhere; where the FFmpeg at hand lacks it, MPEG-4 does.
_CODECS = (("libx264", {"crf": "20", "preset": "veryfast"}), ("mpeg4", {"q": "4"}))


def save(path: Path | str, frames: Sequence[np.ndarray], rate: float = 12.0) -> None:
    """Write a clip.

    Args:
        path: its suffix decides: .mp4 or .gif.
        frames: uint8 (H, W, 3) RGB each, all of one size, at least one.
        rate: frames in a second.

    Raises:
        UsageError: another suffix.
        CnnRnnError: the folder or the disk does not take the file.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        raise UsageError(f"{path} cannot be written", f"clips are {' or '.join(WRITERS)}")
    with _whole(path) as temporary:
        WRITERS[path.suffix.lower()](temporary, frames, rate)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, with its suffix, by which writers know the format."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem[:40]}.", suffix=path.suffix.lower()
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except OSError as error:
        raise CnnRnnError(
            f"cannot write {path}: {error.strerror or error}", "check the folder and the free disk"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _mp4(path: Path, frames: Sequence[np.ndarray], rate: float) -> None:
    for codec, options in _CODECS:
        try:
            context = av.codec.Codec(codec, "w")
        except av.codec.codec.UnknownCodecError:
            continue
        del context
        break
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=max(1, round(rate)), options=options)
        # The colours of two neighbouring pixels are stored as one: sides must be even.
        stream.width, stream.height = width - width % 2, height - height % 2
        stream.pix_fmt = "yuv420p"
        for picture in frames:
            cut = np.ascontiguousarray(picture[: stream.height, : stream.width])
            for packet in stream.encode(av.VideoFrame.from_ndarray(cut, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def _gif(path: Path, frames: Sequence[np.ndarray], rate: float) -> None:
    first, *rest = [Image.fromarray(picture) for picture in frames]
    duration = max(20, round(1000 / rate))  # milliseconds; viewers slow down what is faster
    first.save(path, "GIF", save_all=True, append_images=rest, duration=duration, loop=0)


WRITERS: dict[str, Callable[[Path, Sequence[np.ndarray], float], None]] = {
    ".mp4": _mp4, ".gif": _gif,
}  # fmt: skip
