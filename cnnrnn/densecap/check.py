"""The look at the data before anything is trained on it."""

from __future__ import annotations

from collections import Counter

from cnnrnn.densecap.data import RegionData
from cnnrnn.errors import CnnRnnError
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.check import Check, check_files, check_sentences, check_sides
from cnnrnn.training.splits import SPLITS

MAX_WORDS = 15  # as in the paper; longer phrases are cut
MAX_REGIONS = 64  # of a picture that are learned from in one epoch, drawn anew in each
_SMALL = 16  # pixels


def check(data: RegionData, vocabulary: Vocabulary) -> Check:
    """Count and compare; reads names, sizes and headers of files, not their pixels.

    Args:
        data: all splits.
        vocabulary: of the training phrases.

    Raises:
        CnnRnnError: there is nothing to train on.
    """
    found = Check(warnings=list(data.notes))
    sizes = Counter(each.split for each in data.examples)
    if not sizes["train"]:
        raise CnnRnnError(f"{data.name} has no training pictures", "check the column split")
    found.rows += [(f"pictures {split}", str(sizes[split])) for split in SPLITS]
    _check_boxes(data, found)
    check_files(data.examples, found, data.UNIT)
    check_sides(data.examples, found, data.UNIT)
    texts = {
        split: [
            region.phrase for each in data.examples if each.split == split
            for region in each.regions
        ]
        for split in SPLITS
    }
    check_sentences(texts, vocabulary, MAX_WORDS, found, "phrases")
    for split in SPLITS[1:]:
        if not sizes[split]:
            found.warnings.append(f"no pictures in the split {split}: nothing to evaluate there")
    return found


def _check_boxes(data: RegionData, found: Check) -> None:
    regions = [region for each in data.examples for region in each.regions]
    most = max(len(each.regions) for each in data.examples)
    each_has = len(regions) / len(data.examples)
    found.rows.append(("regions", f"{len(regions)} ({each_has:.1f} each, at most {most})"))
    sides = [min(b[2] - b[0], b[3] - b[1]) for b in (region.box for region in regions)]
    small = sum(side < _SMALL for side in sides) / len(sides)
    found.rows.append((f"below {_SMALL} pixels", f"{small:.0%}"))
    outside, degenerate = data.counts["outside"], data.counts["degenerate"]
    if outside:
        found.rows.append(("boxes outside", str(outside)))
        found.warnings.append(
            f"{outside} of {data.counts['regions']} boxes reach out of their picture and are cut"
        )
    if degenerate:
        found.rows.append(("boxes degenerate", str(degenerate)))
        found.warnings.append(
            f"{degenerate} boxes are less than a pixel wide or high and are left out"
        )
    if most > MAX_REGIONS:
        found.warnings.append(
            f"a picture has {most} regions; each epoch draws at most {MAX_REGIONS} of one"
        )
