"""OpenCV, or one line that says how to get it.

`opencv-python` needs libGL and libgthread, which small containers lack; its own error says only
which file was not found.
"""

from __future__ import annotations

from cnnrnn.errors import CnnRnnError

try:
    import cv2
except ImportError as error:
    if not any(library in str(error) for library in ("libGL", "libgthread")):
        raise
    raise CnnRnnError(
        f"OpenCV cannot load: {error}",
        "apt-get install -y libgl1 libglib2.0-0, or: pip uninstall -y opencv-python"
        " && pip install opencv-python-headless",
    ) from error

__all__ = ["cv2"]
