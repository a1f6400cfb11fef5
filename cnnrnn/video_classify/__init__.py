"""Labels for clips: what happens, and in which order.

from cnnrnn.video_classify import VideoClassifier
"""


def __getattr__(name: str):
    # Imported when asked for: the command line must not load numpy and OpenCV for its help.
    if name == "VideoClassifier":
        from cnnrnn.video_classify.classifier import VideoClassifier

        return VideoClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
