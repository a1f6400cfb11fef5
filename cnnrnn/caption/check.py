"""The look at the data before anything is trained on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cnnrnn.caption.data import CaptionData
from cnnrnn.errors import CnnRnnError
from cnnrnn.text.scripts import SPACELESS, language_of, script_of
from cnnrnn.text.tokenizer import READ
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.check import Check, check_files, check_sentences, check_sides
from cnnrnn.training.splits import SPLITS


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
        raise CnnRnnError(f"{data.name} has no training {data.UNIT}", "check the column split")
    found.rows += [(f"{data.UNIT} {split}", str(sizes[split])) for split in SPLITS]
    each_has = len(captions) / len(data.examples)
    found.rows.append(("captions", f"{len(captions)} ({each_has:.1f} each)"))
    check_files(data.examples, found, data.UNIT)
    check_sides(data.examples, found, data.UNIT)
    texts = {
        split: [text for each in data.examples if each.split == split for text in each.captions]
        for split in SPLITS
    }
    check_sentences(texts, vocabulary, READ[vocabulary.tokenizer], found, "captions")
    _check_scripts(captions, vocabulary.tokenizer, found)
    for split in SPLITS[1:]:
        if not sizes[split]:
            found.warnings.append(f"no {data.UNIT} in the split {split}: nothing to evaluate there")
    return found


def _check_scripts(captions: Sequence[str], tokenizer: str, found: Check) -> None:
    """Captions in several languages, which a net would mix, or whose words no space parts."""
    counted = Counter(filter(None, map(script_of, captions)))
    kind = "scripts"
    spaceless = [script for script in counted if script in SPACELESS]
    if spaceless and tokenizer != "characters":
        found.warnings.append(
            f"{' and '.join(spaceless)} needs --tokenizer characters: no space parts its words"
        )
    if len(counted) < 2:
        kind, counted = "languages", Counter(filter(None, map(language_of, captions)))
        # One sentence in a hundred may be misjudged, or be a name or a quotation.
        few = sum(counted.values()) / 50
        counted = Counter({name: count for name, count in counted.items() if count > few})
    if len(counted) > 1:
        there = ", ".join(f"{name} {count}" for name, count in counted.most_common())
        found.warnings.append(
            f"the captions are in several {kind}: {there} (train with one language at a time)"
        )
