"""The look at the data before anything is trained on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.training.check import Check, check_files, check_groups, check_sides, named
from cnnrnn.training.splits import SPLITS
from cnnrnn.video_classify.data import VideoData

_SHOWN_LABELS = 12
# Two clips are near-duplicates where no cell of their coarse pictures differs by more grey levels.
# Measured: copies in railway clips 0 to 4.0; takes of one person in one room (UTD-MHAD) 4.7 and up.
NEAR = 4.5
_BLOCK = 512


def check(data: VideoData) -> Check:
    """Count and compare; reads names and sizes of files, not their frames.

    Raises:
        CnnRnnError: there is nothing to train on, or only one label.
    """
    found = Check(warnings=list(data.notes))
    sizes = Counter(each.split for each in data.examples)
    if not sizes["train"]:
        raise CnnRnnError(f"{data.name} has no training clips", "check the column split")
    labels = data.labels
    if len(labels) < 2:
        raise CnnRnnError(
            f"all training clips of {data.name} are {labels[0]!r}", "two labels or more are needed"
        )
    found.rows += [(f"clips {split}", str(sizes[split])) for split in SPLITS]
    _check_labels(data, found)
    check_files(data.examples, found, data.UNIT)
    check_groups(data.examples, found)
    check_sides(data.examples, found, data.UNIT)
    if not sizes["test"]:
        found.warnings.append("no clips in the split test: nothing to evaluate there")
    return found


def _check_labels(data: VideoData, found: Check) -> None:
    training = Counter(each.label for each in data.examples if each.split == "train")
    counts = sorted(training.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{label} {count}" for label, count in counts[:_SHOWN_LABELS])
    more = f" and {len(counts) - _SHOWN_LABELS} more" if len(counts) > _SHOWN_LABELS else ""
    found.rows.append(("labels", f"{len(counts)}: {shown}{more}"))
    everywhere = Counter(each.label for each in data.examples)
    by_case = defaultdict(list)
    for label in sorted(everywhere):
        by_case[label.casefold()].append(label)
    for names in by_case.values():
        if len(names) > 1:
            same = " and ".join(map(repr, names))
            found.warnings.append(f"the labels {same} differ only in case and are told apart")
    single = [label for label, count in sorted(everywhere.items()) if count == 1]
    if single:
        found.warnings.append(f"labels with one clip alone: {named(single)}")
    unseen = Counter(each.label for each in data.examples if each.label not in training)
    for label, count in sorted(unseen.items()):
        found.warnings.append(
            f"the label {label!r} has no training clip: its {count} clips count as mistakes"
        )


def near_duplicates(
    pictures: np.ndarray, splits: Sequence[str], limit: float = NEAR
) -> list[tuple[int, int]]:
    """Pairs of clips that look the same and lie on two sides, one of them training.

    Args:
        pictures: (n, T, h, w) grey values 0 to 255 of a few coarse frames of each clip.
        splits: of each clip.
        limit: the largest difference of a cell.

    Returns:
        (training clip, other clip), for each other clip its nearest one.
    """
    flat = np.asarray(pictures, np.float32).reshape(len(pictures), -1)
    splits = np.asarray(splits)
    training, others = np.flatnonzero(splits == "train"), np.flatnonzero(splits != "train")
    found = []
    for other in others.tolist():
        for first in range(0, len(training), _BLOCK):
            some = training[first : first + _BLOCK]
            apart = np.abs(flat[some] - flat[other]).max(axis=1)
            if apart.min() <= limit:
                found.append((int(some[apart.argmin()]), other))
                break
    return found
