"""Captions: a sentence for a picture.

from cnnrnn.caption import Captioner
"""


def __getattr__(name: str):
    # Imported when asked for: the command line must not load numpy and OpenCV for its help.
    if name == "Captioner":
        from cnnrnn.caption.captioner import Captioner

        return Captioner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
