"""The root of the command line; a command is imported when it is called or listed."""

from __future__ import annotations

import click

from cnnrnn import __version__
from cnnrnn.options import ExampleGroup

COMMANDS = {
    "caption": "cnnrnn.caption.cli:caption",
    "video-classify": "cnnrnn.video_classify.cli:video_classify",
    "vqa": "cnnrnn.vqa.cli:vqa",
}


@click.group(
    cls=ExampleGroup,
    lazy=COMMANDS,
    examples=[
        ("cnnrnn caption predict scenes:3", "a sentence for a picture of the built-in world"),
        ("cnnrnn caption train", "train a captioner on the built-in world"),
        ("cnnrnn caption predict photo.jpg", "a sentence for a photo, by the newest run"),
        ("cnnrnn video-classify predict data/door.mp4", "opened or closed? a label for a clip"),
    ],
)
@click.version_option(__version__, prog_name="cnnrnn")
def main() -> None:
    """Convolutional nets that see and recurrent nets that speak, combined.

    Results go to stdout, everything else to stderr. Exit codes: 0 all done, 1 failed in whole or
    in part, 2 a wrong option. CNNRNN_CACHE names the folder of cached features.
    """
