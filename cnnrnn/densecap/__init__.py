"""Every region told: boxes and phrases from one network, trained end to end.

from cnnrnn.densecap import DenseCaptioner
"""


def __getattr__(name: str):
    # Imported when asked for: the command line must not load numpy and OpenCV for its help.
    if name == "DenseCaptioner":
        from cnnrnn.densecap.describer import DenseCaptioner

        return DenseCaptioner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
