"""Questions about pictures, answered, with the proof of where the network looked.

from cnnrnn.vqa import Answerer
"""


def __getattr__(name: str):
    # Imported when asked for: the command line must not load numpy and OpenCV for its help.
    if name == "Answerer":
        from cnnrnn.vqa.answerer import Answerer

        return Answerer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
