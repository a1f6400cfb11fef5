"""The verb `features`: bring the features of clips into the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.media.medium import CLIPS
from cnnrnn.media.sources import expand
from cnnrnn.video_classify.prepare import extractors
from cnnrnn.video_classify.settings import TrainSettings


def extract(
    arguments: Sequence[str],
    chosen: Mapping[str, Any],
    limit: int | None = None,
    json: bool = False,
) -> int:
    """Extract each stream of all clips, and tell how many were there already.

    Args:
        arguments: what `media.sources.expand` takes.
        chosen: fields of `TrainSettings`; the rest is what a training would choose for such clips.
        limit: take only so many clips.
        json: one JSON object a stream.

    Returns:
        1 if a clip could not be read (each is told in one line), else 0.

    Raises:
        CnnRnnError: no clips at all.
    """
    built_in = all(argument.startswith("clips:") for argument in arguments)
    data = "clips" if built_in else "files"
    settings = TrainSettings(data=data, **chosen).resolved(clips=1)
    report = console.Report("clips")
    told: set[str] = set()
    for stream, extractor in extractors(settings).items():
        sources = islice(expand(arguments, medium=CLIPS), limit)
        with console.Progress(limit, f"features ({stream})", "clips") as progress:
            table = extractor.extract(sources, progress)
        try:
            if not len(table):
                raise CnnRnnError(f"no clips in {' '.join(arguments)}")
            for name, reason in table.failures:
                if name not in told:
                    report.fail(name, reason)
                    told.add(name)
            _tell(stream, table, json)
        finally:
            table.close()
    return report.exit_code


def _tell(stream: str, table: Any, json: bool) -> None:
    """The counts, as one JSON object or one line."""
    bad = len(table.failures)
    if json:
        console.json_line(
            {"stream": stream, "row_shape": table.row_shape, "clips": len(table)}
            | {"hits": table.hits, "misses": table.misses}
            | {"failed": [{"name": name, "reason": reason} for name, reason in table.failures]}
        )
        return
    shape = " x ".join(map(str, table.row_shape))
    console.result(
        f"{len(table)} clips: {table.hits} from the cache, {table.misses} computed, {bad} bad; "
        f"each is {shape} {table.dtype} of {stream}"
    )
