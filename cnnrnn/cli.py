"""The root of the command line. The subcommands are imported only when they are called."""

from __future__ import annotations

import click

from cnnrnn import __version__


@click.group()
@click.version_option(__version__, prog_name="cnnrnn")
def main() -> None:
    """Convolutional and recurrent nets together."""
