"""The look at the data before anything is trained on it."""

from __future__ import annotations

from collections import Counter

from cnnrnn.caption.data import CaptionData
from cnnrnn.errors import CnnRnnError
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.check import Check, check_files, check_sides
from cnnrnn.training.splits import SPLITS

MAX_WORDS = 30  # longer captions are cut: they would make every sentence of their batch as long
_CONSTANT_SHARE = 0.5
_UNKNOWN_SHARE = 0.05


def check(data: CaptionData, vocabulary: Vocabulary) -> Check:
    """Count and compare; reads names and sizes of files, not their pixels.

    Args:
        data: all splits.
        vocabulary: of the training captions.

    Raises:
        CnnRnnError: there is nothing to train on.
    """
    found = Check(warnings=list(data.notes))
    sizes = Counter(each.split for each in data.examples)
    captions = [text for each in data.examples for text in each.captions]
    if not sizes["train"]:
        raise CnnRnnError(f"{data.name} has no training pictures", "check the column split")
    found.rows += [(f"pictures {split}", str(sizes[split])) for split in SPLITS]
    each_has = len(captions) / len(data.examples)
    found.rows.append(("captions", f"{len(captions)} ({each_has:.1f} each)"))
    check_files(data.examples, found, data.UNIT)
    check_sides(data.examples, found, data.UNIT)
    _check_words(data, vocabulary, found)
    text, times = Counter(captions).most_common(1)[0]
    if times > 1 and times > _CONSTANT_SHARE * len(captions):
        found.warnings.append(f"{times} of {len(captions)} captions are the same: {text[:60]!r}")
    for split in SPLITS[1:]:
        if not sizes[split]:
            found.warnings.append(f"no pictures in the split {split}: nothing to evaluate there")
    return found


def _check_words(data: CaptionData, vocabulary: Vocabulary, found: Check) -> None:
    tokenizer = Tokenizer(vocabulary.tokenizer)
    found.rows.append(("vocabulary", f"{len(vocabulary)} words"))
    long = 0
    for split in SPLITS:
        here = [each for each in data.examples if each.split == split]
        if not here:
            continue
        # Cut into words twice, for the words of all captions at once would fill the memory.
        long += sum(len(tokenizer(text)) > MAX_WORDS for each in here for text in each.captions)
        rate = vocabulary.unknown_rate(tokenizer(text) for each in here for text in each.captions)
        found.rows.append((f"unknown words {split}", f"{rate:.2%}"))
        if rate > _UNKNOWN_SHARE:
            found.warnings.append(
                f"{rate:.0%} of the words in {split} are not in the vocabulary "
                "(a smaller --min-count knows more words)"
            )
    if long:
        found.warnings.append(f"{long} captions are longer than {MAX_WORDS} words and are cut")
