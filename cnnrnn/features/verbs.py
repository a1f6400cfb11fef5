"""The verb `features` of every task: extract, and look after the cache.

Each function prints its results to stdout and returns the command's exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features import cache_admin
from cnnrnn.features.extractor import Extractor, cache_folder
from cnnrnn.features.table import FeatureTable
from cnnrnn.media.medium import CLIPS, medium_of
from cnnrnn.media.sources import expand

PHOTO_BACKBONE = "mobilenet_v2"


def extract(
    arguments: Sequence[str],
    backbone: str | None = None,
    weights: str = "auto",
    output: str = "grid",
    size: int | None = None,
    limit: int | None = None,
    json: bool = False,
) -> int:
    """Bring the features of all sources into the cache, and tell how many were there already.

    Args:
        arguments: what `media.sources.expand` takes.
        backbone: None takes `scenes` for the built-in data and MobileNetV2 for photos.
        weights, output, size: as in `features.extractor.Extractor`.
        limit: take only so many pictures.

    Returns:
        1 if a picture could not be read (each is told in one line), else 0.

    Raises:
        UsageError: a clip.
        CnnRnnError: no pictures at all.
    """
    for argument in arguments:
        if medium_of(argument) is CLIPS:
            raise UsageError(
                f"{argument} is a clip, and features of pictures are extracted here",
                "the frames of clips are looked at where these are trained on",
            )
    if backbone is None:
        built_in = all(argument.startswith("scenes:") for argument in arguments)
        backbone = "scenes" if built_in else PHOTO_BACKBONE
    extractor = Extractor(backbone, weights, output, size)
    report = console.Report("pictures")
    with console.Progress(limit, "features", "pictures") as progress:
        table = extractor.extract(islice(expand(arguments), limit), progress)
    try:
        if not len(table):
            raise CnnRnnError(f"no pictures in {' '.join(arguments)}")
        for name, reason in table.failures:
            report.fail(name, reason)
        _tell(extractor, table, json)
    finally:
        table.close()
    return report.exit_code


def _tell(extractor: Extractor, table: FeatureTable, json: bool) -> None:
    """The counts, as one JSON object or one line."""
    bad = len(table.failures)
    if json:
        spec = extractor.spec
        console.json_line(
            {"backbone": spec.backbone, "output": spec.output, "row_shape": table.row_shape}
            | {"pictures": len(table), "hits": table.hits, "misses": table.misses}
            | {"failed": [{"name": name, "reason": reason} for name, reason in table.failures]}
        )
        return
    shape = " x ".join(map(str, table.row_shape))
    console.result(
        f"{len(table)} pictures: {table.hits} from the cache, {table.misses} computed, {bad} bad; "
        f"each is {shape} {table.dtype} of {extractor.spec.backbone}"
    )


def info(json: bool = False) -> int:
    """List the cache files: what they hold and what they take on the disk."""
    found = cache_admin.info(cache_folder())
    if json:
        for each in found:
            console.json_line(each)
        return 0
    rows = [
        [each["file"], each["rows"], console.size(each["bytes"]), each["problem"] or "sound"]
        for each in found
    ]
    console.result(console.table(["file", "rows", "disk", "state"], rows))
    console.info(f"{len(found)} files in {cache_folder()}")
    return 0


def verify(json: bool = False) -> int:
    """Compare every row with its checksum; 1 if something was damaged (it will be recomputed)."""
    found = cache_admin.verify(cache_folder())
    if json:
        for each in found:
            console.json_line(each)
    else:
        rows = [
            [each["file"], each["rows"], each["damaged"], each["problem"] or "-"] for each in found
        ]
        console.result(console.table(["file", "sound rows", "damaged", "problem"], rows))
    return int(any(each["damaged"] or each["problem"] for each in found))


def clear(json: bool = False) -> int:
    """Remove all cache files."""
    freed = cache_admin.clear(cache_folder())
    if json:
        console.json_line({"freed_bytes": freed})
    else:
        console.result(f"freed {console.size(freed)} in {cache_folder()}")
    return 0


CACHE_VERBS = {"info": info, "verify": verify, "clear": clear}
