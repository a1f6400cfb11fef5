"""The verb `check`: decode clips on trial and tell what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.media.medium import CLIPS
from cnnrnn.media.sources import expand
from cnnrnn.media.video_check import check as decoded


def check(arguments: Sequence[str], limit: int | None = None, json: bool = False) -> int:
    """Decode every clip whole.

    Args:
        arguments: what `media.sources.expand` takes.
        limit: take only so many clips.
        json: one JSON object a clip.

    Returns:
        1 if a clip could not be decoded at all, else 0; what is merely odd is told.

    Raises:
        CnnRnnError: no clips at all.
    """
    report = console.Report("clips")
    for source in islice(expand(arguments, medium=CLIPS), limit):
        try:
            found = decoded(source)
        except CnnRnnError as error:
            if json:
                console.json_line({"path": source.name, "error": str(error)})
            report.fail(source.name, error)
            continue
        report.ok()
        if json:
            fields = asdict(found)
            console.json_line({"path": fields.pop("name"), **fields})
            continue
        turned = f", turned by {found.rotation}" if found.rotation else ""
        problems = "; ".join(found.problems) or "sound"
        console.result(
            f"{found.name}\t{found.decoded} frames (header: {_said(found.header_frames)}), "
            f"{found.width}x{found.height}{turned}, {found.fps:.4g} fps, {found.duration:.2f} s, "
            f"{found.codec}\t{problems}"
        )
    if not report.succeeded and not report.failures:
        raise CnnRnnError("no clips", "give files, folders or clips:N")
    console.info(report.summary())
    return report.exit_code


def _said(frames: int | None) -> str:
    return "nothing" if frames is None else str(frames)
