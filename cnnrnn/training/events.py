"""The rows of log.csv for TensorBoard: `events/`, one small event file an epoch.

    tensorboard --logdir runs/caption

An epoch that is trained again replaces its own file, so none is drawn twice. Names count on:
TensorBoard reads the files of a folder in the order of their names, and new ones as they come.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from cnnrnn.errors import UsageError
from cnnrnn.files import atomic_write

FOLDER = "events"
_UNDRAWN = "epoch"  # of a row: it is the step
_VERSION = "brain.Event:2"  # what an event file begins with


def check_installed() -> None:
    """TensorBoard is there.

    Raises:
        UsageError: it is not.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "--tensorboard needs the package tensorboard", "pip install 'cnnrnn[tensorboard]'"
        ) from error


def write_events(run: Path, row: Mapping[str, Any]) -> None:
    """Write the event file of one epoch.

    Args:
        run: the run folder.
        row: of its log.csv; each number but `epoch`, the step, becomes a scalar.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    now, epoch = time.time(), int(row["epoch"])
    scalars = [
        Summary.Value(tag=name, simple_value=value)
        for name, value in row.items()
        if name != _UNDRAWN and isinstance(value, Real)
    ]
    with atomic_write(run / FOLDER / f"events.out.tfevents.{epoch:06}") as file:
        records = RecordWriter(file)
        for event in (
            Event(wall_time=now, file_version=_VERSION),
            Event(wall_time=now, step=epoch, summary=Summary(value=scalars)),
        ):
            records.write(event.SerializeToString())
