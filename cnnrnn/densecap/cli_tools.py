"""The commands beside training and description: export."""

from __future__ import annotations

from cnnrnn import verbs
from cnnrnn.densecap.cli import TASK

export = verbs.export_command(TASK)
